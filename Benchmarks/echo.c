// echo BOOTSTRAP REQUESTS REPLIES GROUP COUNT [bare]
//
// What one would write without Sheaf: one loop on librdkafka that answers every record with its own value. It does the job that
// Sheaf does with an identity model, with the same promises:
//
//   - a member of a consumer group, by subscription
//   - idempotent, acknowledged by all replicas
//   - replies carry the request's key, its kafka_correlationId and a sheaf_id of topic/partition/offset
//   - a bound on what is under way
//   - commits, asynchronously and every 200 ms, of the lowest offset of each partition that is not acknowledged
//
// It has no batching, no model, no decoding, no error replies, no bounded memory and no orderly drain at a rebalance. With
// `bare` neither are there headers, nor the order of acknowledgements: the offsets of what was received are committed every 200 ms.
//
// Prints the seconds from the first record to the last acknowledgement and commit, and the seconds of processor time.
#include "common.h"
#include <sys/resource.h>

enum { MAX_PARTITIONS = 1024, WINDOW = 1 << 16, IN_FLIGHT = 200000 };

// The record that a delivery report is about, in the 64 bits of a message's opaque: partition 16 | offset 48.
#define TICKET(partition, offset) ((void *)(((uintptr_t)(partition) << 48) | (uintptr_t)(offset)))
#define PARTITION(ticket) ((uintptr_t)(ticket) >> 48)
#define OFFSET(ticket) ((int64_t)((uintptr_t)(ticket) & 0xffffffffffff))

static struct {
  int64_t unsettled;  // The lowest offset that is not acknowledged.
  int64_t received;   // One past the last received.
  unsigned char *acknowledged;  // By offset modulo WINDOW.
} partitions[MAX_PARTITIONS];

static long received, acknowledged;

static void settle(uintptr_t partition, int64_t offset) {
  acknowledged++;
  partitions[partition].acknowledged[offset % WINDOW] = 1;
  int64_t next = partitions[partition].unsettled;
  while (partitions[partition].acknowledged[next % WINDOW]) partitions[partition].acknowledged[next++ % WINDOW] = 0;
  partitions[partition].unsettled = next;
}

static void reports(rd_kafka_queue_t *queue, int timeout, int bare) {
  rd_kafka_event_t *event;
  while ((event = rd_kafka_queue_poll(queue, timeout))) {
    const rd_kafka_message_t *message;
    while ((message = rd_kafka_event_message_next(event))) {
      if (message->err) fail("reply", rd_kafka_err2str(message->err));
      if (bare) acknowledged++;
      else settle(PARTITION(message->_private), OFFSET(message->_private));
    }
    rd_kafka_event_destroy(event);
    timeout = 0;
  }
}

static void commit(rd_kafka_t *consumer, const char *topic, int bare, int async) {
  rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(MAX_PARTITIONS);
  for (int i = 0; i < MAX_PARTITIONS; i++)
    if (partitions[i].acknowledged)
      rd_kafka_topic_partition_list_add(offsets, topic, i)->offset = bare ? partitions[i].received : partitions[i].unsettled;
  rd_kafka_resp_err_t error = rd_kafka_commit(consumer, offsets, async);
  if (error) fail("commit", rd_kafka_err2str(error));
  rd_kafka_topic_partition_list_destroy(offsets);
}

static char *decimal(char *end, uint64_t number) {
  do *--end = (char)('0' + number % 10);
  while (number /= 10);
  return end;
}

// topic/partition/offset, written from the end of `buffer`; faster than snprintf, as Sheaf's own is.
static char *identify(char *buffer, size_t size, const rd_kafka_message_t *message, const char *topic, size_t length) {
  char *start = decimal(buffer + size, (uint64_t)message->offset);
  *--start = '/';
  start = decimal(start, (uint64_t)message->partition);
  *--start = '/';
  return memcpy(start - length, topic, length);
}

static void reply(rd_kafka_t *producer, rd_kafka_topic_t *replies, rd_kafka_queue_t *queue, const rd_kafka_message_t *message,
                  const char *topic, size_t topicLength, int bare) {
  rd_kafka_vu_t slots[] = {
      {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = replies},
      {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
      {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {message->payload, message->len}},
      {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {message->key, message->key_len}},
      {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = TICKET(message->partition, message->offset)},
      {.vtype = RD_KAFKA_VTYPE_HEADERS},
  };
  rd_kafka_headers_t *headers = NULL;
  if (!bare) {
    char buffer[512], *id = identify(buffer, sizeof buffer, message, topic, topicLength);
    rd_kafka_headers_t *request;
    const void *correlation;
    size_t size;
    headers = rd_kafka_headers_new(2);
    if (!rd_kafka_message_headers(message, &request) &&
        !rd_kafka_header_get_last(request, "kafka_correlationId", &correlation, &size))
      rd_kafka_header_add(headers, "kafka_correlationId", 19, correlation, (ssize_t)size);
    rd_kafka_header_add(headers, "sheaf_id", 8, id, buffer + sizeof buffer - id);
    slots[5].u.headers = headers;
  }
  for (;;) {
    rd_kafka_error_t *error = rd_kafka_produceva(producer, slots, bare ? 5 : 6);
    if (!error) return;
    if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail("reply", rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    reports(queue, 5, bare);
  }
}

int main(int count, char **arguments) {
  if (count < 6) fail("usage", "echo BOOTSTRAP REQUESTS REPLIES GROUP COUNT [bare]");
  const char *bootstrap = arguments[1], *topic = arguments[2];
  size_t topicLength = strlen(topic);
  long total = atol(arguments[5]);
  int bare = count > 6 && !strcmp(arguments[6], "bare");
  // As many as the fastest of our trials; prefetch of more than a second of traffic, or crossing it stalls (librdkafka < 2.2).
  const char *consuming[] = {"bootstrap.servers", bootstrap, "group.id", arguments[4], "enable.auto.commit", "false",
                             "enable.auto.offset.store", "false", "auto.offset.reset", "earliest", "session.timeout.ms", "6000",
                             "queued.min.messages", "1000000", "queued.max.messages.kbytes", "262144", "fetch.wait.max.ms", "10", NULL};
  const char *producing[] = {"bootstrap.servers", bootstrap, "enable.idempotence", "true", "acks", "all", "linger.ms", "5",
                             "queue.buffering.max.messages", "200000", "socket.nagle.disable", "true", NULL};
  rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, 0, consuming);
  rd_kafka_poll_set_consumer(consumer);
  rd_kafka_queue_t *records = rd_kafka_queue_get_consumer(consumer);
  rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, RD_KAFKA_EVENT_DR, producing);
  rd_kafka_queue_t *queue = rd_kafka_queue_get_main(producer);
  rd_kafka_topic_t *replies = rd_kafka_topic_new(producer, arguments[3], NULL);

  rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
  rd_kafka_resp_err_t error = rd_kafka_subscribe(consumer, topics);
  if (error) fail("subscribe", rd_kafka_err2str(error));
  rd_kafka_topic_partition_list_destroy(topics);

  static rd_kafka_message_t *messages[1000];
  double start = 0, committed = 0;
  while (received < total) {
    ssize_t taken = rd_kafka_consume_batch_queue(records, 10, messages, 1000);
    if (taken > 0 && !start) start = committed = now();
    for (ssize_t i = 0; i < taken; i++) {
      rd_kafka_message_t *message = messages[i];
      if (message->err) fail("consume", rd_kafka_message_errstr(message));
      if (!partitions[message->partition].acknowledged) {
        partitions[message->partition].acknowledged = calloc(1, WINDOW);
        partitions[message->partition].unsettled = message->offset;
      }
      // The ring of acknowledgements is the bound of one partition.
      while (!bare && message->offset - partitions[message->partition].unsettled >= WINDOW) reports(queue, 5, bare);
      partitions[message->partition].received = message->offset + 1;
      reply(producer, replies, queue, message, topic, topicLength, bare);
      received++;
      rd_kafka_message_destroy(message);
    }
    reports(queue, 0, bare);
    while (received - acknowledged > IN_FLIGHT) reports(queue, 5, bare);
    if (start && now() - committed > 0.2) {
      committed = now();
      commit(consumer, topic, bare, 1);
    }
  }
  while (acknowledged < received) reports(queue, 5, bare);
  commit(consumer, topic, bare, 0);
  rd_kafka_queue_destroy(records);
  rd_kafka_consumer_close(consumer);  // Leaving the group is part of Sheaf's time too.
  double seconds = now() - start;

  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("%.4f %.4f\n", seconds,
         (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6);
  rd_kafka_queue_destroy(queue);
  rd_kafka_topic_destroy(replies);
  rd_kafka_destroy(consumer);
  rd_kafka_destroy(producer);
  return 0;
}
