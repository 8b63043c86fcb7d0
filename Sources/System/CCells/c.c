#include "CCells.h"
void ccells_placeholder(void) {}
