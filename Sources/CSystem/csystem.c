#define _GNU_SOURCE
#include "csystem.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

int csystem_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); }

char **csystem_environment(void) { return environ; }

void csystem_limit_heaps(int count) {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, count);
  // Its default, which the library would raise with each large block that is freed: the next ones would lie in a heap, between
  // what stays.
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
#else
  (void)count;
#endif
}

void csystem_trim_heaps(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

int csystem_allowed_cores(void) {
  // The kernel refuses a set that is too small for its CPUs, and a cpu_set_t has room for 1,024.
  for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
    cpu_set_t *set = CPU_ALLOC(cpus);
    if (set == NULL) return 0;
    size_t size = CPU_ALLOC_SIZE(cpus);
    CPU_ZERO_S(size, set);
    int failed = sched_getaffinity(0, size, set) != 0;
    int code = errno;
    int count = failed ? 0 : CPU_COUNT_S(size, set);
    CPU_FREE(set);
    if (!failed || code != EINVAL) return count;
  }
  return 0;
}
