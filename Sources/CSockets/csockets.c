#define _GNU_SOURCE
#include "csockets.h"

#include <stddef.h>
#include <sys/socket.h>

int csockets_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); }
