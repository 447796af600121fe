// Counts what a thread allocates, by standing in for the C library's allocator in the program of the tests.
#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

// From now on the calling thread's allocations are counted.
void allocation_counter_begin(void);

// How many there were; -1 where they cannot be counted: another C library, or a sanitizer with an allocator of its own.
long allocation_counter_end(void);

#endif
