#pragma once
#define _GNU_SOURCE 1
// What Linux offers and Swift's Glibc module does not show. Each line says why it is here.
#include <getopt.h>        // getopt_long
#include <sched.h>         // sched_getaffinity, CPU_COUNT (a macro, wrapped below)
#include <poll.h>          // ppoll needs _GNU_SOURCE, which the Glibc module is built without (wrapped below)
#include <malloc.h>        // mallopt, malloc_trim, mallinfo2
#include <pthread.h>       // pthread_setname_np
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/eventfd.h>   // eventfd: what the consume thread sleeps on
#include <sys/pidfd.h>     // pidfd_open, pidfd_send_signal: waits for a child with a bound, signals it without a race
#include <sys/signalfd.h>  // signalfd: SIGTERM as a readable descriptor
#include <sys/syscall.h>
#include <unistd.h>

// Number of processors this process may run on (cpusets), not the machine's. CPU_COUNT is a macro.
static inline int platform_affinity_count(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return CPU_COUNT(&set);
}

// Waits until the descriptor can be read, for so many nanoseconds at most.
static inline int platform_wait_readable(int descriptor, uint64_t nanoseconds) {
  struct pollfd poll = {descriptor, POLLIN, 0};
  struct timespec time = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};
  return ppoll(&poll, 1, &time, 0);
}
// Closes a child's inherited descriptors. In <spawn.h>, but behind a macro that Swift's Glibc module does not set.
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
