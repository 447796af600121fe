// What comes before everything else: no code of the program has run, and no file has been opened.
#define _GNU_SOURCE
#include "csystem.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

static int argument_count = 0;
static char **arguments = NULL;

int csystem_argument_count(void) { return argument_count; }
const char *csystem_argument(int index) { return index < argument_count ? arguments[index] : NULL; }

void csystem_open_standard_descriptors(void) {
  for (int descriptor = 0; descriptor <= 2; descriptor++) {
    if (fcntl(descriptor, F_GETFD) != -1 || errno != EBADF) continue;
    // The other way round, so that using it fails as it does on a closed one: a result that goes nowhere is lost.
    // Without /dev a folder does the same. The lowest free number is this one.
    const int access = descriptor == 0 ? O_WRONLY : O_RDONLY;
    if (open("/dev/null", access) < 0) (void)open("/", O_RDONLY | O_DIRECTORY);
  }
}

// The C library hands the command line to constructors; the Swift runtime would look for it in /proc.
__attribute__((constructor(101))) static void start(int count, char **words, char **environment) {
  (void)environment;
  argument_count = count;
  arguments = words;
  csystem_open_standard_descriptors();
  char text[1024];
  const int length =
      csystem_describe_missing_cpu(csystem_needed_cpu_features(), csystem_cpu_features(), text, (int)sizeof text);
  if (length == 0) return;
  (void)!write(2, text, (size_t)length);
  _exit(1);
}
