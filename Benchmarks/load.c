// load BOOTSTRAP TOPIC PARTITIONS RECORDS-PER-PARTITION SIZE
//
// Fills a topic: every record has an 8-byte key, SIZE bytes of value and a kafka_correlationId, as a request has.
#include "common.h"

static long acknowledged;

static void reports(rd_kafka_queue_t *queue, int timeout) {
  rd_kafka_event_t *event;
  while ((event = rd_kafka_queue_poll(queue, timeout))) {
    const rd_kafka_message_t *message;
    while ((message = rd_kafka_event_message_next(event))) {
      if (message->err) fail("load", rd_kafka_err2str(message->err));
      acknowledged++;
    }
    rd_kafka_event_destroy(event);
    timeout = 0;
  }
}

int main(int count, char **arguments) {
  if (count != 6) fail("usage", "load BOOTSTRAP TOPIC PARTITIONS RECORDS-PER-PARTITION SIZE");
  const char *topic = arguments[2];
  int partitions = atoi(arguments[3]);
  long each = atol(arguments[4]);
  size_t size = (size_t)atol(arguments[5]);
  const char *properties[] = {"bootstrap.servers", arguments[1], "enable.idempotence", "true", "linger.ms", "20",
                              "queue.buffering.max.messages", "200000", NULL};
  rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, RD_KAFKA_EVENT_DR, properties);
  rd_kafka_queue_t *queue = rd_kafka_queue_get_main(producer);
  char *value = malloc(size);
  for (size_t i = 0; i < size; i++) value[i] = (char)(i * 31 + 7);

  // In runs of 100 a partition, so that batches fill.
  for (long run = 0; run * 100 < each; run++) {
    for (int32_t partition = 0; partition < partitions; partition++) {
      for (long i = run * 100; i < each && i < run * 100 + 100; i++) {
        long id = i * partitions + partition;
        rd_kafka_resp_err_t error;
        while ((error = rd_kafka_producev(
                    producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                    RD_KAFKA_V_KEY(&id, sizeof id), RD_KAFKA_V_VALUE(value, size),
                    RD_KAFKA_V_HEADER("kafka_correlationId", &id, sizeof id), RD_KAFKA_V_END))) {
          if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail("load", rd_kafka_err2str(error));
          reports(queue, 10);
        }
      }
      reports(queue, 0);
    }
  }
  while (acknowledged < each * partitions) reports(queue, 100);
  rd_kafka_queue_destroy(queue);
  rd_kafka_destroy(producer);
  return 0;
}
