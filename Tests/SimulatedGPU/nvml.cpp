// libnvidia-ml.so.1 for machines that have none: the one device of the simulated driver, at rest.
#include <CCUDA.h>
#include <cstring>

extern "C" size_t simulated_memory_used();
extern "C" size_t simulated_memory_total();
struct LabMonitor_ {};
static LabMonitor_ monitor;

extern "C" int nvmlInit_v2(void) { return 0; }
extern "C" int nvmlDeviceGetHandleByPciBusId_v2(const char *id, LabMonitor *result) {
    if (strncmp(id, "0000:0", 6)) return 6;
    *result = &monitor;
    return 0;
}
extern "C" int nvmlDeviceGetMemoryInfo(LabMonitor, LabMonitorMemory *memory) {
    memory->total = simulated_memory_total();
    memory->used = simulated_memory_used();
    memory->free = memory->total - memory->used;
    return 0;
}
extern "C" int nvmlDeviceGetUtilizationRates(LabMonitor, LabMonitorUtilization *rates) {
    *rates = {7, 3};
    return 0;
}
extern "C" int nvmlDeviceGetTemperature(LabMonitor, int, unsigned int *celsius) {
    *celsius = 41;
    return 0;
}
