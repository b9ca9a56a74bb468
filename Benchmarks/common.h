// What the two programs share: properties, errors, time.
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static inline void fail(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

// Makes a client of properties: name, value, …, NULL.
static inline rd_kafka_t *client(rd_kafka_type_t type, int events, const char *const *properties) {
  char why[512];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  for (; *properties; properties += 2)
    if (rd_kafka_conf_set(conf, properties[0], properties[1], why, sizeof why) != RD_KAFKA_CONF_OK) fail(properties[0], why);
  rd_kafka_conf_set_events(conf, events);
  rd_kafka_t *made = rd_kafka_new(type, conf, why, sizeof why);
  if (!made) fail("rd_kafka_new", why);
  return made;
}
