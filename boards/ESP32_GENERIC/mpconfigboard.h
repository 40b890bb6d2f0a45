#include "boards/ESP32_GENERIC/mpconfigboard.h"

#undef MICROPY_PY_NETWORK_HOSTNAME_DEFAULT
#define MICROPY_PY_NETWORK_HOSTNAME_DEFAULT "signalbox"
