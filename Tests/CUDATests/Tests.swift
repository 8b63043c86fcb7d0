import CCUDA
import Glibc
import Testing

@testable import Tensors

/// All that uses NVIDIA's libraries, simulated: one test at a time, because a process has one of each.
@Suite(.serialized) struct CUDATests {
    // MARK: - Finding the libraries

    @Test func librariesInTheNamedFolderAreOpened() throws {
        try SimulatedGPU.withLibraries { libraries in
            #expect(libraries.missing.isEmpty)
            #expect(libraries.finding(.driver)?.path == "\(SimulatedGPU.folder)/libcuda.so.1")
            #expect(libraries.finding(.cublas)?.path == "\(SimulatedGPU.folder)/libcublas.so.13")
            #expect(libraries.driverVersion == 13000)
            #expect(libraries.major == 13)
        }
    }

    @Test func whatIsMissingIsSaidWithTheWayToMendIt() throws {
        try SimulatedGPU.withLibraries { libraries in
            let cudnn = try #require(libraries.finding(.cudnn))
            #expect(
                cudnn.problem
                    == "is missing (libcudnn.so.9): not needed: pip install nvidia-cudnn-cu13 for its convolutions")
        }
        try withTemporaryFolder { folder in
            try SimulatedGPU.withLibraries(folder: folder) { libraries in
                let driver = try #require(libraries.missing.first)
                #expect(driver.library == .driver)
                #expect(driver.problem?.contains("is missing (libcuda.so.1): install NVIDIA's driver") == true)
                // Everything that is asked of it fails with words and not with a crash.
                #expect(lab_cuInit(0) == LAB_FUNCTION_MISSING)
                #expect(CUDAError.description(of: Int32(LAB_FUNCTION_MISSING)).contains("lacks cuInit"))
            }
            // With the driver alone, the compiler is what is missing.
            symlink("\(SimulatedGPU.folder)/libcuda.so.1", "\(folder)/libcuda.so.1")
            try SimulatedGPU.withLibraries(folder: folder) { libraries in
                #expect(libraries.missing.map(\.library) == [.compiler, .cublas])
                #expect(libraries.missing[0].problem?.hasSuffix("pip install nvidia-cuda-nvrtc") == true)
            }
        }
    }

    @Test func aFileThatDoesNotLoadIsNamed() throws {
        try withTemporaryFolder { folder in
            let file = fopen("\(folder)/libcuda.so.1", "w")!
            fputs("not a library", file)
            fclose(file)
            try SimulatedGPU.withLibraries(folder: folder) { libraries in
                let problem = try #require(libraries.finding(.driver)?.problem)
                #expect(problem.contains("does not load") && problem.contains("\(folder)/libcuda.so.1"))
            }
        }
    }

    @Test func anOlderDriverGetsOlderLibraries() throws {
        // The simulation has NVRTC 13 only: a driver of CUDA 12 cannot run what it compiles.
        try SimulatedGPU.withLibraries(["driver": "12040"]) { libraries in
            #expect(libraries.finding(.compiler)?.path == nil)
            #expect(libraries.finding(.compiler)?.problem?.contains("nvidia-cuda-nvrtc-cu12") == true)
        }
        try SimulatedGPU.withLibraries(["driver": "11080"]) { libraries in
            #expect(libraries.finding(.driver)?.problem?.contains("is too old (CUDA 11)") == true)
        }
    }

    @Test func aDriverWithoutAGPUSaysSo() throws {
        try SimulatedGPU.withLibraries(["count": "0"]) { libraries in
            #expect(libraries.finding(.driver)?.problem == "finds no GPU that it can use")
        }
    }

    @Test func pythonPackagesAndTheUsualFoldersAreSearched() throws {
        withTemporaryFolder { folder in
            let wheel = "\(folder)/lib/python3.12/site-packages/nvidia/cu13/lib"
            #expect(system("mkdir -p '\(wheel)'") == 0)
            let folders = NVIDIALibraries.searchedFolders { $0 == "VIRTUAL_ENV" ? folder : nil }
            #expect(folders.first == .some(nil), "the library path comes first")
            #expect(folders.contains(wheel))
            #expect(folders.contains("/usr/local/cuda/lib64"))
            // A Python is found by the folder of its program too.
            #expect(system("mkdir -p '\(folder)/bin' && ln -s /bin/true '\(folder)/bin/python3'") == 0)
            #expect(NVIDIALibraries.searchedFolders { $0 == "PATH" ? "/nowhere:\(folder)/bin" : nil }.contains(wheel))
            #expect(NVIDIALibraries.searchedFolders { $0 == "SWIFT_LAB_CUDA" ? "/only/this" : nil } == ["/only/this"])
        }
    }

    @Test func withoutADriverThereIsTheProcessor() {
        // On a machine with a GPU the list is longer; the processor always comes first.
        #expect(Device.all.first == .cpu)
        if Device.all.count == 1 {
            #expect(Device.default == .cpu)
            #expect("\(Device.all)" == "cpu\nTensors are made on the processor: \(Device.reasonForDefault).")
        }
        #expect(Device.cpu.description == "cpu")
        #expect(!Device.reasonForDefault.isEmpty)
    }

    // MARK: - Kernels

    @Test func everyFamilyIsEmbeddedWithWhatItNeeds() throws {
        #expect(KernelFamilies.names.count == 14)
        for name in KernelFamilies.names {
            let source = try #require(KernelFamilies.source(of: name))
            #expect(source.contains("LabBroadcast") && source.contains("#line 1 \"\(name).cu\""))
            #expect(!source.contains("#include") && !source.contains("asm"))
        }
        #expect(KernelFamilies.source(of: "common") == nil)
    }

    @Test func aKernelRunsAndItsBinaryIsKept() throws {
        try withTemporaryFolder { folder in
            try SimulatedGPU.withDevice(cache: "\(folder)/a/b") { gpu in
                #expect(gpu.architecture == "sm_90")
                let memory = DeviceMemory(gpu)
                let values: [Float] = (0..<1000).map { Float($0) - 500 }
                let x = try memory.allocate(4000, for: "x")
                try values.withUnsafeBytes { try gpu.upload($0, to: x.address) }
                var arguments = KernelArguments()
                arguments.add(x.address)
                arguments.add(x.address)
                arguments.add(Int64(1000))
                arguments.add(2.0)
                arguments.add(0.5)
                try gpu.launch("elementwise", "linear_float32", blocks: (gpu.blocks(1000), 1, 1), arguments)
                var result = [Float](repeating: 0, count: 1000)
                try result.withUnsafeMutableBytes { try gpu.download(x.address, to: $0) }
                #expect(result == values.map { 2 * $0 + 0.5 })
            }
            let compiler = try opened { try KernelCompiler(architecture: "sm_90", folder: "\(folder)/a/b") }
            let source = try #require(KernelFamilies.source(of: "elementwise"))
            let path = compiler.path(of: "elementwise", source: source)
            #expect(access(path, R_OK) == 0, "the binary lies at \(path)")
            #expect(compiler.path(of: "elementwise", source: source + " ") != path)
        }
    }

    @Test func aCardNewerThanItsCompilerGetsWhatItRuns() throws {
        let known = [75, 80, 86, 89, 90, 100]
        #expect(KernelCompiler.target(of: "sm_90", supported: known) == "sm_90")
        #expect(KernelCompiler.target(of: "sm_87", supported: known) == "sm_86")
        #expect(KernelCompiler.target(of: "sm_103", supported: known) == "sm_100")
        // Nothing of its generation: its driver has to compile further.
        #expect(KernelCompiler.target(of: "sm_120", supported: known) == "compute_100")
        #expect(KernelCompiler.target(of: "sm_70", supported: known) == nil)
        try withTemporaryFolder { folder in
            try SimulatedGPU.withLibraries { _ in
                let compiler = try KernelCompiler(architecture: "sm_120", folder: folder)
                #expect(compiler.architecture == "compute_90", "the simulation has 75 and 90")
                let binary = try compiler.binary(
                    of: "test", source: "extern \"C\" __global__ void nothing(int *x) { x[0] = 7; }")
                #expect(binary.count > 1000)
            }
        }
    }

    @Test func aDamagedBinaryIsCompiledAgain() throws {
        let source = "extern \"C\" __global__ void nothing(int *x) { x[0] = 7; }"
        try withTemporaryFolder { folder in
            try SimulatedGPU.withLibraries { _ in
                let compiler = try KernelCompiler(architecture: "sm_90", folder: folder)
                let fresh = try compiler.binary(of: "test", source: source)
                let path = compiler.path(of: "test", source: source)
                #expect(truncate(path, 100) == 0)
                #expect(try compiler.binary(of: "test", source: source).count == fresh.count)
                #expect(access("\(path)", R_OK) == 0)
            }
        }
    }

    @Test func aKernelThatDoesNotCompileNamesItsFileAndLine() throws {
        try withTemporaryFolder { folder in
            try SimulatedGPU.withLibraries { _ in
                let compiler = try KernelCompiler(architecture: "sm_90", folder: folder)
                let error = #expect(throws: CUDAError.self) {
                    try compiler.binary(
                        of: "broken", source: "#line 7 \"broken.cu\"\n__global__ void f() { nonsense; }")
                }
                #expect(error?.description.contains("broken.cu:7") == true, "\(error?.description ?? "nothing")")
            }
        }
    }

    @Test func aFailingKernelIsNamedWhereSomebodyWaits() throws {
        try SimulatedGPU.withDevice { gpu in
            let memory = DeviceMemory(gpu)
            let small = try memory.allocate(DeviceMemory.segmentBytes, for: "x")
            var arguments = KernelArguments()
            arguments.add(small.address)
            arguments.add(Int64(DeviceMemory.segmentBytes))
            arguments.add(1.0)
            try gpu.launch("arranging", "filled_float32", blocks: (4, 1, 1), arguments)
            let error = #expect(throws: CUDAError.self) { try gpu.wait() }
            #expect(error?.description.contains("running arranging.filled_float32 failed") == true)
            #expect(error?.code == Int32(LAB_ILLEGAL_ADDRESS))
        }
    }

    // MARK: - Memory

    @Test func memoryIsHandedOutAgainWithoutAskingTheDriver() throws {
        try SimulatedGPU.withDevice { gpu in
            let memory = DeviceMemory(gpu)
            let first = try memory.allocate(1000, for: "a")
            let second = try memory.allocate(1, for: "b")
            #expect(second.address == first.address + 1024, "cut from the same segment, at multiples of 512")
            try memory.free(first)
            #expect(try memory.allocate(900, for: "c").address == first.address)
            #expect(SimulatedGPU.allocations == 1)
            #expect(memory.figures.inUse == 1024 + 512)
            #expect(memory.figures.kept == DeviceMemory.segmentBytes - 1536)
        }
    }

    @Test func neighboursAreJoined() throws {
        try SimulatedGPU.withDevice { gpu in
            let memory = DeviceMemory(gpu)
            let quarter = DeviceMemory.segmentBytes / 4
            let pieces = try (0..<4).map { try memory.allocate(quarter, for: "\($0)") }
            // In an order that joins on the left, on the right, and on both sides.
            for index in [1, 0, 3, 2] { try memory.free(pieces[index]) }
            #expect(try memory.allocate(DeviceMemory.segmentBytes, for: "whole").address == pieces[0].address)
            #expect(SimulatedGPU.allocations == 1)
        }
    }

    @Test func aRandomHistoryNeverHandsOutMemoryTwice() throws {
        try SimulatedGPU.withDevice { gpu in
            let memory = DeviceMemory(gpu)
            var generator = RandomGenerator(seed: 3)
            var pieces: [DeviceMemory.Piece] = []
            for _ in 0..<2000 {
                if pieces.isEmpty || generator.below(5) < 3, pieces.count < 60 {
                    let piece = try memory.allocate(1 + generator.below(300_000), for: "x")
                    for other in pieces {
                        let overlaps =
                            piece.address < other.address + UInt64(other.byteCount)
                            && other.address < piece.address + UInt64(piece.byteCount)
                        #expect(!overlaps)
                    }
                    pieces.append(piece)
                } else {
                    try memory.free(pieces.remove(at: generator.below(pieces.count)))
                }
            }
            for piece in pieces { try memory.free(piece) }
            #expect(memory.figures.inUse == 0)
            try memory.releaseUnused()
            #expect(memory.figures.kept == 0)
            #expect(gpu.memory.free == gpu.memory.total, "everything went back to the driver")
        }
    }

    @Test func whatLiesUnusedGoesBackBeforeMemoryIsSaidToBeFull() throws {
        try SimulatedGPU.withDevice(["memory": "\(10 << 20)"]) { gpu in
            let memory = DeviceMemory(gpu)
            let first = try memory.allocate(6 << 20, for: "first")
            try memory.free(first)
            // 6 MB are kept, and 8 do not fit beside them.
            _ = try memory.allocate(8 << 20, for: "second")
            #expect(memory.figures.kept == 0)
        }
    }

    @Test func aCapturedStepsMemoryStaysAndTheReserveGivesBackItsOwn() throws {
        try SimulatedGPU.withDevice(["memory": "\(16 << 20)"]) { gpu in
            let memory = DeviceMemory(gpu)
            try memory.free(memory.allocate(6 << 20, for: "images"))
            let pool = DeviceMemory(gpu, reserve: memory)
            let piece = try pool.allocate(6 << 20, for: "conv1")
            try pool.free(piece)
            // 6 MB are kept for others, and go back; 6 are free here, and stay, since a graph may look there.
            _ = try pool.allocate(8 << 20, for: "conv2")
            #expect(memory.figures.kept == 0 && pool.figures.kept == 6 << 20)
            let error = #expect(throws: DeviceMemoryError.self) { try memory.allocate(4 << 20, for: "relu") }
            #expect(error?.description.contains("(most by steps of training 14 MB)") == true)
            // Nobody takes the step of a thread that is gone again. What is handed out goes back when it is given back.
            memory.abandonPools(of: pool.thread)
            #expect(pool.figures.kept == 0)
            _ = try memory.allocate(4 << 20, for: "relu")
        }
    }

    @Test func outOfMemorySaysTheFiguresAndLeavesTheSessionUsable() throws {
        try SimulatedGPU.withDevice(["memory": "\(10 << 20)"]) { gpu in
            let memory = DeviceMemory(gpu)
            let weights = try memory.allocate(5 << 20, for: "conv2.weight")
            let images = try memory.allocate(3 << 20, for: "images")
            let error = #expect(throws: DeviceMemoryError.self) { try memory.allocate(4 << 20, for: "relu") }
            #expect(
                error?.description == """
                    the GPU has no 4096 KB for relu: of 10 MB are 2048 KB free, 8192 KB in use here, 0 KB kept in smaller \
                    pieces (most by conv2.weight 5120 KB, images 3072 KB). Use smaller batches, or let tensors go that are \
                    not needed
                    """)
            try memory.free(images)
            _ = try memory.allocate(4 << 20, for: "relu")
            try memory.free(weights)
        }
    }

    @Test(arguments: 1...20) func whatAnotherStreamUsedIsAwaitedBeforeItIsWrittenAgain(seed: Int) throws {
        try SimulatedGPU.withDevice(["seed": "\(seed)"]) { gpu in
            let memory = DeviceMemory(gpu)
            var other: LabStream?
            #expect(lab_cuStreamCreate(&other, UInt32(LAB_STREAM_NON_BLOCKING)) == LAB_SUCCESS)
            let size = DeviceMemory.segmentBytes
            let piece = try memory.allocate(size, for: "a")
            let kept = try memory.allocate(size, for: "copy")
            #expect(lab_cuMemsetD8Async(piece.address, 1, size, other) == LAB_SUCCESS)
            #expect(lab_cuMemcpyDtoDAsync_v2(kept.address, piece.address, size, other) == LAB_SUCCESS)
            try memory.free(piece, alsoUsedOn: [other!])
            let again = try memory.allocate(size, for: "b")
            #expect(again.address == piece.address)
            #expect(lab_cuMemsetD8Async(again.address, 2, size, gpu.stream) == LAB_SUCCESS)
            #expect(lab_cuStreamSynchronize(other) == LAB_SUCCESS)
            var bytes = [UInt8](repeating: 0, count: size)
            try bytes.withUnsafeMutableBytes { try gpu.download(kept.address, to: $0) }
            #expect(bytes.allSatisfy { $0 == 1 })
            #expect(lab_cuStreamDestroy_v2(other) == LAB_SUCCESS)
        }
    }

    // MARK: - Graphs

    @Test func aCapturedStepIsReplayed() throws {
        try SimulatedGPU.withDevice { gpu in
            let memory = DeviceMemory(gpu)
            let x = try memory.allocate(4, for: "x")
            try [Float(1)].withUnsafeBytes { try gpu.upload($0, to: x.address) }
            try gpu.wait()
            func double() throws {
                var arguments = KernelArguments()
                arguments.add(x.address)
                arguments.add(x.address)
                arguments.add(Int64(1))
                arguments.add(2.0)
                arguments.add(0.0)
                try gpu.launch("elementwise", "linear_float32", blocks: (1, 1, 1), arguments)
            }
            // Loading a module is nothing that a capture may contain: one eager step first.
            try double()
            try gpu.wait()
            #expect(lab_cuStreamBeginCapture_v2(gpu.stream, Int32(LAB_CAPTURE_THREAD_LOCAL)) == LAB_SUCCESS)
            try double()
            try double()
            var graph: LabGraph?
            #expect(lab_cuStreamEndCapture(gpu.stream, &graph) == LAB_SUCCESS)
            var exec: LabGraphExec?
            #expect(lab_cuGraphInstantiateWithFlags(&exec, graph, 0) == LAB_SUCCESS)
            for _ in 0..<3 { #expect(lab_cuGraphLaunch(exec, gpu.stream) == LAB_SUCCESS) }
            var result: Float = 0
            try withUnsafeMutableBytes(of: &result) { try gpu.download(x.address, to: $0) }
            #expect(result == 128, "1, doubled once and then three times twice")
            #expect(lab_cuGraphExecDestroy(exec) == LAB_SUCCESS)
            #expect(lab_cuGraphDestroy(graph) == LAB_SUCCESS)
        }
    }

    private func opened<Result>(_ body: () throws -> Result) throws -> Result {
        var result: Result?
        try SimulatedGPU.withLibraries { _ in result = try body() }
        return result!
    }
}
