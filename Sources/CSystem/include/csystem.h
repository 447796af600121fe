// The system calls that Swift's view of the C library lacks.
#ifndef CSYSTEM_H
#define CSYSTEM_H

// accept4: the next client of a listening socket, non-blocking and close-on-exec from its first moment on, so that no
// process that another thread starts meanwhile holds it open. -1 with errno where there is none.
int csystem_accept(int listener);

// mallopt(M_ARENA_MAX): so many heaps at most, where the C library has one for each thread that allocates. To be called
// before there are threads.
void csystem_limit_heaps(int count);

// malloc_trim: gives the pages of freed memory back to the system. Takes milliseconds where there is much.
void csystem_trim_heaps(void);

// sched_getaffinity: the cores that the calling thread may run on, however many CPUs the machine has; 0 where the system does
// not say.
int csystem_allowed_cores(void);

#endif
