// zlib, the one system library. Where this include fails, install zlib's headers:
// Debian and Ubuntu `apt-get install zlib1g-dev`, Fedora `dnf install zlib-devel`.
#if !__has_include(<zlib.h>)
#error "zlib.h is missing. Install it: apt-get install zlib1g-dev (Debian, Ubuntu) or dnf install zlib-devel (Fedora)"
#endif
#include <zlib.h>
