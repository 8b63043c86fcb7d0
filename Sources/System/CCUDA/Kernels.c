// The sources of the kernels, as bytes of the program: nothing to be found or lost when it is moved.
#include "CCUDA.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

#define EMBEDDED(name) static const char name##_source[] = {
#define END , 0};

EMBEDDED(layouts)
#embed "Kernels/layouts.h"
END
EMBEDDED(common)
#embed "Kernels/common.cu"
END
EMBEDDED(elementwise)
#embed "Kernels/elementwise.cu"
END
EMBEDDED(conversion)
#embed "Kernels/conversion.cu"
END
EMBEDDED(reductions)
#embed "Kernels/reductions.cu"
END
EMBEDDED(softmax)
#embed "Kernels/softmax.cu"
END
EMBEDDED(convolution)
#embed "Kernels/convolution.cu"
END
EMBEDDED(pooling)
#embed "Kernels/pooling.cu"
END
EMBEDDED(normalization)
#embed "Kernels/normalization.cu"
END
EMBEDDED(optimizers)
#embed "Kernels/optimizers.cu"
END
EMBEDDED(random)
#embed "Kernels/random.cu"
END
EMBEDDED(indexing)
#embed "Kernels/indexing.cu"
END
EMBEDDED(sorting)
#embed "Kernels/sorting.cu"
END
EMBEDDED(arranging)
#embed "Kernels/arranging.cu"
END
EMBEDDED(datasets)
#embed "Kernels/datasets.cu"
END
EMBEDDED(steps)
#embed "Kernels/steps.cu"
END

#define LISTED(name) {#name, name##_source}
static const struct { const char *name, *source; } families[] = {
    LISTED(layouts), LISTED(common), LISTED(elementwise), LISTED(conversion), LISTED(reductions), LISTED(softmax),
    LISTED(convolution), LISTED(pooling), LISTED(normalization), LISTED(optimizers), LISTED(random), LISTED(indexing),
    LISTED(sorting), LISTED(arranging), LISTED(datasets), LISTED(steps),
};
const char *lab_kernel_name(int number) { return families[number].name; }
const char *lab_kernel_source(int number) { return families[number].source; }
int lab_kernel_count(void) { return sizeof families / sizeof *families; }
