// One block of a kernel on the processor.
#pragma once
#include <cstdint>
#include <functional>
#include <random>
#include <string>

#undef threadIdx
struct SimulatedIndex { unsigned int x, y, z; };
/// The same layout as in prelude.h.
struct Core {
    SimulatedIndex threadIdx, blockIdx, blockDim, gridDim;
    void (*barrier)(int line);
};
extern Core core;

enum class Order { ascending, descending, random };

/// Runs every block of the grid, one after the other. Returns a sentence if the kernel is wrong, else "".
std::string runGrid(
    SimulatedIndex grid, SimulatedIndex block, Order order, std::mt19937_64 &random, char *sharedStart, char *sharedEnd,
    const std::function<void()> &kernel);
/// Forgets fibers that a fault left in the middle.
void abandonFibers();
