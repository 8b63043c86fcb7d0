internal import CSourceKit
import Glibc

/// The toolchain's code service, loaded into this process: a request as text goes in, JSON comes out.
///
/// Only the helper process has one, because it is a whole compiler, and what a compiler does with half-written code is
/// to crash now and then.
struct SourceKit {
    private typealias MakeRequest =
        @convention(c) (UnsafePointer<CChar>, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?)
        -> UnsafeMutableRawPointer?
    private typealias Use = @convention(c) (UnsafeMutableRawPointer) -> Void
    private typealias Send = @convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer?

    private let makeRequest: MakeRequest
    private let releaseRequest: Use
    private let send: Send
    private let disposeResponse: Use
    private let getValue: csourcekit_get_value
    private let copyJSON: csourcekit_copy_json

    /// Loads the library once a process; `nil` where it is missing or another one than expected.
    init?(library: String) {
        guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL) else { return nil }
        func function<Function>(_ name: String, as type: Function.Type) -> Function? {
            dlsym(handle, "sourcekitd_" + name).map { unsafeBitCast($0, to: type) }
        }
        guard let initialize = function("initialize", as: (@convention(c) () -> Void).self),
            let makeRequest = function("request_create_from_yaml", as: MakeRequest.self),
            let releaseRequest = function("request_release", as: Use.self),
            let send = function("send_request_sync", as: Send.self),
            let disposeResponse = function("response_dispose", as: Use.self),
            let getValue = function("response_get_value", as: csourcekit_get_value.self),
            let copyJSON = function("variant_json_description_copy", as: csourcekit_copy_json.self)
        else { return nil }
        self.makeRequest = makeRequest
        self.releaseRequest = releaseRequest
        self.send = send
        self.disposeResponse = disposeResponse
        self.getValue = getValue
        self.copyJSON = copyJSON
        initialize()
    }

    /// The answer to a request in the service's notation (`SourceKitRequest`); empty where it is refused.
    func answer(_ request: String) -> [UInt8] {
        guard let request = makeRequest(request, nil) else { return [] }
        defer { releaseRequest(request) }
        guard let response = send(request) else { return [] }
        defer { disposeResponse(response) }
        // The value of an error response is null.
        guard let json = copyJSON(getValue(response)) else { return [] }
        defer { free(json) }
        return [UInt8](UnsafeRawBufferPointer(start: json, count: strlen(json)))
    }
}
