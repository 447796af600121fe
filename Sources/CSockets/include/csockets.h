// The system calls of sockets that Swift's view of the C library lacks.
#ifndef CSOCKETS_H
#define CSOCKETS_H

// accept4: the next client of a listening socket, non-blocking and close-on-exec from its first moment on, so that no
// process that another thread starts meanwhile holds it open. -1 with errno where there is none.
int csockets_accept(int listener);

#endif
