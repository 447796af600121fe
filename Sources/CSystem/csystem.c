#define _GNU_SOURCE
#include "csystem.h"

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
#else
  (void)count;
#endif
}

void csystem_trim_heaps(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}
