// What a process has from its start, and the system calls that Swift's view of the C library lacks.
//
// Before anything else of the program runs, constructors here see to it that descriptors 0 to 2 are open, keep the command
// line, and end the process with exit code 1 and a sentence on a CPU that lacks what the program was compiled for.
#ifndef CSYSTEM_H
#define CSYSTEM_H

// accept4: the next client of a listening socket, non-blocking and close-on-exec from its first moment on, so that no
// process that another thread starts meanwhile holds it open. -1 with errno where there is none.
int csystem_accept(int listener);

// mallopt(M_ARENA_MAX): so many heaps at most, where the C library has one for each thread that allocates. Blocks from 128 KB
// on are mapped outside of them, and go back to the system when they are freed. To be called before there are threads.
void csystem_limit_heaps(int count);

// malloc_trim: gives the pages of freed memory back to the system. Takes milliseconds where there is much.
void csystem_trim_heaps(void);

// sched_getaffinity: the cores that the calling thread may run on, however many CPUs the machine has; 0 where the system does
// not say.
int csystem_allowed_cores(void);

// The process's words, the program's name first, as the system handed them over; NULL beyond them.
int csystem_argument_count(void);
const char *csystem_argument(int index);

// `environ`, for processes that are started.
char **csystem_environment(void);

// Opens those of the descriptors 0 to 2 that are closed, so that no file gets their numbers and with it what is meant for a
// terminal. Reading from them, and writing to them, fails as before.
void csystem_open_standard_descriptors(void);

// Features of CPUs, a bit each: what this one has, and what the program was compiled for.
unsigned long long csystem_cpu_features(void);
unsigned long long csystem_needed_cpu_features(void);

// Writes what is missing and what to do about it, a line; returns its length, 0 where nothing is missing.
int csystem_describe_missing_cpu(unsigned long long needed, unsigned long long present, char *text, int size);

#endif
