// Why: lets Swift call the system's zlib. Nothing of ours is in it.
#include <zlib.h>
