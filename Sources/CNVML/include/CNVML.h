// Our own minimal view of NVML, NVIDIA's management library, which is loaded with dlopen: it comes with the driver, and a machine
// without one has none. Every function may be missing (NULL) from an older driver's library.
#pragma once
#include <stddef.h>

typedef struct NVMLDevice *NVMLDeviceHandle;

typedef struct NVMLUtilization {
  unsigned int gpu;     // per cent of the last sampling period (1/6 s to 1 s) in which a kernel ran
  unsigned int memory;
} NVMLUtilization;

typedef struct NVMLMemory {  // bytes
  unsigned long long total, free, used;
} NVMLMemory;

enum { NVML_OK = 0, NVML_NOT_SUPPORTED = 3 };

// Why clocks are lower than they could be: bits of the event (formerly throttle) reasons.
enum {
  NVML_SOFTWARE_POWER_CAP = 0x04,
  NVML_HARDWARE_SLOWDOWN = 0x08,
  NVML_SOFTWARE_THERMAL_SLOWDOWN = 0x20,
  NVML_HARDWARE_THERMAL_SLOWDOWN = 0x40,
  NVML_POWER_BRAKE = 0x80,
};

// X(field, name in the library, parameters). All return 0 for success.
#define NVML_FUNCTIONS(X)                                                                                                \
  X(init, "nvmlInit_v2", (void))                                                                                         \
  X(deviceCount, "nvmlDeviceGetCount_v2", (unsigned int *))                                                              \
  X(deviceByIndex, "nvmlDeviceGetHandleByIndex_v2", (unsigned int index, NVMLDeviceHandle *))                            \
  X(deviceByUUID, "nvmlDeviceGetHandleByUUID", (const char *uuid, NVMLDeviceHandle *))                                   \
  X(deviceName, "nvmlDeviceGetName", (NVMLDeviceHandle, char *name, unsigned int length))                                \
  X(utilization, "nvmlDeviceGetUtilizationRates", (NVMLDeviceHandle, NVMLUtilization *))                                 \
  X(memory, "nvmlDeviceGetMemoryInfo", (NVMLDeviceHandle, NVMLMemory *))                                                 \
  X(power, "nvmlDeviceGetPowerUsage", (NVMLDeviceHandle, unsigned int *milliwatts))                                      \
  X(clockReasons, "nvmlDeviceGetCurrentClocksEventReasons", (NVMLDeviceHandle, unsigned long long *))                    \
  X(oldClockReasons, "nvmlDeviceGetCurrentClocksThrottleReasons", (NVMLDeviceHandle, unsigned long long *))              \
  X(migMode, "nvmlDeviceGetMigMode", (NVMLDeviceHandle, unsigned int *current, unsigned int *pending))                   \
  X(migDevice, "nvmlDeviceGetMigDeviceHandleByIndex", (NVMLDeviceHandle, unsigned int index, NVMLDeviceHandle *))        \
  X(migParent, "nvmlDeviceGetDeviceHandleFromMigDeviceHandle", (NVMLDeviceHandle, NVMLDeviceHandle *))

typedef struct NVMLFunctions {
#define X(field, name, parameters) int (*field) parameters;
  NVML_FUNCTIONS(X)
#undef X
  const char *(*errorString)(int);
} NVMLFunctions;

// Fills `functions` from a library opened with dlopen; NULL where it has no such function.
void nvml_read_functions(void *library, NVMLFunctions *functions);
