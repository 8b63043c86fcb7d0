// libnvrtc.so for machines that have none: compiles a kernel's source with clang, for the processor. The file `flags`
// beside it says with which sanitizer. SIMULATED_GPU_PLANT="text=>other" puts a defect into every source that has the text.
#include <CCUDA.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

struct LabProgram_ {
    std::string source, name, log, image;
};

namespace {

enum { success = 0, invalidInput = 3, invalidOption = 5, compilation = 6 };

std::string folder() {
    Dl_info info;
    dladdr((void *)folder, &info);
    char *whole = realpath(info.dli_fname, nullptr);
    std::string path = whole;
    free(whole);
    return path.substr(0, path.rfind('/'));
}

std::string contents(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

/// Runs a command and adds what it prints to the log.
bool run(const std::string &command, std::string &log) {
    FILE *pipe = popen((command + " 2>&1").c_str(), "r");
    if (!pipe) return false;
    char buffer[4096];
    while (size_t count = fread(buffer, 1, sizeof buffer, pipe)) log.append(buffer, count);
    return pclose(pipe) == 0;
}

/// The names behind each `__global__ void`, past what stands in `__launch_bounds__(…)`.
std::vector<std::string> kernelNames(const std::string &text) {
    std::vector<std::string> names;
    auto isPart = [](char c) { return isalnum((unsigned char)c) || c == '_'; };
    for (size_t at = text.find("__global__"); at != std::string::npos; at = text.find("__global__", at + 1)) {
        for (size_t open = text.find('(', at); open != std::string::npos; open = text.find('(', open + 1)) {
            size_t end = open;
            while (end > at && !isPart(text[end - 1])) end--;
            size_t start = end;
            while (start > at && isPart(text[start - 1])) start--;
            const std::string name = text.substr(start, end - start);
            if (name == "__launch_bounds__") continue;
            names.push_back(name);
            break;
        }
    }
    return names;
}

}  // namespace

extern "C" int nvrtcVersion(int *major, int *minor) {
    *major = 13;
    // No version of NVIDIA's: what it makes is kept under its number, and must never be loaded by a card.
    *minor = 99;
    return success;
}
extern "C" int nvrtcGetNumSupportedArchs(int *count) {
    *count = 2;
    return success;
}
extern "C" int nvrtcGetSupportedArchs(int *list) {
    list[0] = 75;
    list[1] = 90;
    return success;
}
extern "C" int nvrtcCreateProgram(
    LabProgram *program, const char *source, const char *name, int count, const char *const *, const char *const *
) {
    if (count) return invalidInput;
    std::string text = source;
    const std::string plant = getenv("SIMULATED_GPU_PLANT") ? getenv("SIMULATED_GPU_PLANT") : "";
    const size_t arrow = plant.find("=>"), at = arrow == std::string::npos ? arrow : text.find(plant.substr(0, arrow));
    if (at != std::string::npos) text.replace(at, arrow, plant.substr(arrow + 2));
    *program = new LabProgram_{text, name ? name : "default_program", "", ""};
    return success;
}
extern "C" int nvrtcCompileProgram(LabProgram program, int count, const char *const *options) {
    std::string definitions;
    for (int i = 0; i < count; i++) {
        std::string option = options[i];
        if (option.rfind("-D", 0) == 0) definitions += " '" + option + "'";
        else if (
            option.rfind("--gpu-architecture=", 0) && option.rfind("--std=c++17", 0) && option.rfind("--fmad=", 0)
            && option.rfind("--restrict", 0)
        ) {
            program->log = "unknown option " + option;
            return invalidOption;
        }
    }
    char place[] = "/tmp/simulated-nvrtc-XXXXXX";
    if (!mkdtemp(place)) return compilation;
    const std::string base = place, input = base + "/input.cu", full = base + "/full.cpp",
                      library = base + "/module.so";
    std::ofstream(input) << "# 1 \"" << program->name << "\"\n" << program->source;
    const std::string clang = SIMULATED_COMPILER " -x c++ -std=c++17 -w ";
    bool isGood = run(clang + "-E" + definitions + " " + input + " -o " + base + "/input.i", program->log);
    if (isGood) {
        std::string text = contents(base + "/input.i");
        std::ofstream file(full);
        file << "#include \"" << folder() << "/prelude.h\"\n"
             << text << "\nstatic const SimulatedKernel simulated_kernels[] = {\n";
        int kernels = 0;
        for (const std::string &name : kernelNames(text)) {
            file << "SIMULATED_KERNEL(" << name << "),\n";
            kernels++;
        }
        file << "};\nextern \"C\" void simulated_connect(SimulatedCore *core) { simulated_core = core; }\n"
             << "extern \"C\" const SimulatedKernel *simulated_list(int *count, char **start, char **end) {\n"
             << "    *count = " << kernels << ";\n"
             << "#ifndef SIMULATED_SANITIZER\n"
             << "    *start = __start_simulated_shared;\n    *end = __stop_simulated_shared;\n"
             << "#endif\n    return simulated_kernels;\n}\n";
        file.close();
        isGood =
            run(clang + contents(folder() + "/flags")
                    + " -O1 -gline-tables-only -fPIC -shared -fno-math-errno -ffp-contract=off -fno-exceptions " + full
                    + " -o " + library + " -lm",
                program->log);
    }
    if (isGood) {
        std::string bytes = contents(library);
        uint64_t size = bytes.size();
        program->image = "SIMCUBIN";
        program->image.append((const char *)&size, 8);
        program->image += bytes;
    }
    for (const char *part : {"/input.cu", "/input.i", "/full.cpp", "/module.so"}) unlink((base + part).c_str());
    rmdir(place);
    return isGood ? success : compilation;
}
extern "C" int nvrtcGetProgramLogSize(LabProgram program, size_t *size) {
    *size = program->log.size() + 1;
    return success;
}
extern "C" int nvrtcGetProgramLog(LabProgram program, char *log) {
    memcpy(log, program->log.c_str(), program->log.size() + 1);
    return success;
}
extern "C" int nvrtcGetCUBINSize(LabProgram program, size_t *size) {
    *size = program->image.size();
    return success;
}
extern "C" int nvrtcGetCUBIN(LabProgram program, char *image) {
    memcpy(image, program->image.data(), program->image.size());
    return success;
}
// What the driver would compile further is here the same.
extern "C" int nvrtcGetPTXSize(LabProgram program, size_t *size) { return nvrtcGetCUBINSize(program, size); }
extern "C" int nvrtcGetPTX(LabProgram program, char *text) { return nvrtcGetCUBIN(program, text); }
extern "C" int nvrtcDestroyProgram(LabProgram *program) {
    delete *program;
    *program = nullptr;
    return success;
}
