internal import CCUDA

/// What NVIDIA's libraries answered, in words.
struct CUDAError: Error, CustomStringConvertible {
    /// What was to be done: `copying 4 MB to the device`.
    var action: String
    /// What came back.
    var reason: String
    /// The driver's number for it.
    var code: Int32

    var description: String { "\(action) failed: \(reason)" }

    /// Whether the context is gone with it, as cuda.h says of these: a kernel that touched what is not there or did not
    /// end, an assertion, memory that is broken.
    var isFinal: Bool { [214, 700, 702, 709, 710].contains(code) || (714...719).contains(code) }

    init(_ action: String, code: Int32) {
        self.action = action
        self.code = code
        reason = Self.description(of: code)
    }

    init(_ action: String, reason: String) {
        self.action = action
        self.reason = reason
        code = 0
    }

    /// `out of memory (CUDA_ERROR_OUT_OF_MEMORY)`.
    static func description(of code: Int32) -> String {
        if code == LAB_FUNCTION_MISSING {
            let name = lab_missing_function().map { String(cString: $0) } ?? "a function"
            return "the library lacks \(name); it is too old or was not found"
        }
        var (name, text): (UnsafePointer<CChar>?, UnsafePointer<CChar>?) = (nil, nil)
        guard lab_cuGetErrorName(code, &name) == LAB_SUCCESS, let name else { return "error \(code)" }
        _ = lab_cuGetErrorString(code, &text)
        return "\(text.map { String(cString: $0) } ?? "error \(code)") (\(String(cString: name)))"
    }
}

/// Throws what a function of the driver answered, unless it was success.
func check(_ result: Int32, _ action: @autoclosure () -> String) throws(CUDAError) {
    if result != LAB_SUCCESS { throw CUDAError(action(), code: result) }
}
