#define _GNU_SOURCE 1
#include "CPlatform.h"
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

void platform_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int platform_affinity_count(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return CPU_COUNT(&set);
}

int platform_wait_readable(int descriptor, uint64_t nanoseconds) {
  struct pollfd poll = {descriptor, POLLIN, 0};
  struct timespec time = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};
  return ppoll(&poll, 1, &time, 0);
}

void platform_die_with_parent(void) { prctl(PR_SET_PDEATHSIG, SIGKILL); }

// Read by jemalloc, where an executable is linked with it. Two arenas, not four a processor: what the reports thread frees is used
// again by the lane while it is still in the cache (a tenth less processor time a record of the identity benchmark).
const char *malloc_conf = "narenas:2";
