#pragma once
// What Linux offers and Swift's Glibc module does not show. Each line says why it is here.
//
// No _GNU_SOURCE in this header: it changes structures (fd_set, for one) that other C modules see without it. What needs it is
// declared below by hand, or wrapped in platform.c.
#include <getopt.h>        // getopt_long
#include <malloc.h>        // mallopt, malloc_trim, mallinfo2
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/eventfd.h>   // eventfd: what the consume thread sleeps on
#include <sys/pidfd.h>     // pidfd_open, pidfd_send_signal: waits for a child with a bound, signals it without a race
#include <sys/signalfd.h>  // signalfd: SIGTERM as a readable descriptor
#include <sys/syscall.h>
#include <unistd.h>

// Names a thread, as `ps -L` shows it: 15 bytes at most.
void platform_name_thread(const char *name);

// Number of processors this process may run on (cpusets), not the machine's. CPU_COUNT is a macro.
int platform_affinity_count(void);

// Waits until the descriptor can be read, for so many nanoseconds at most: ppoll.
int platform_wait_readable(int descriptor, uint64_t nanoseconds);

// This process is killed when the thread that started it ends: prctl is variadic.
void platform_die_with_parent(void);

// Closes a child's inherited descriptors. In <spawn.h>, but behind _GNU_SOURCE.
// pipe2 likewise, of <unistd.h>.
extern int pipe2(int ends[2], int flags);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
