internal import CCells
import Synchronization

/// The conformances to protocols that extensions in cells have declared.
///
/// The runtime looks a conformance up once and keeps what it finds, so `print` would go on with the `description` of the
/// first extension after the cell was run again with another one. When a cell declares the same conformance anew, the
/// older one gets the newer one's functions.
final class Conformances: Sendable {
    /// By type and protocol, the descriptors of all cells' conformances, the newest last.
    private let descriptors = Mutex<[String: [UInt]]>([:])

    /// Notes those of a cell's shared object that was just loaded.
    func take(from file: String) {
        final class Found {
            var conformances: [(name: String, descriptor: UInt)] = []
        }
        let found = Found()
        ccells_symbols(
            file, "Mc",
            { symbol, descriptor, context in
                let found = Unmanaged<Found>.fromOpaque(context!).takeUnretainedValue()
                found.conformances.append((demangled(String(cString: symbol!)), UInt(bitPattern: descriptor)))
            }, Unmanaged.passUnretained(found).toOpaque())
        for (name, descriptor) in found.conformances {
            // "protocol conformance descriptor for Cell1.P : CustomStringConvertible in Cell2"
            guard let end = name.ranges(of: " in Cell").last else { continue }
            let key = String(name[..<end.lowerBound])
            let older = descriptors.withLock { descriptors in
                defer { descriptors[key, default: []].append(descriptor) }
                return descriptors[key] ?? []
            }
            for older in older {
                _ = ccells_replace_conformance(
                    UnsafeRawPointer(bitPattern: older)!, UnsafeRawPointer(bitPattern: descriptor)!)
            }
        }
    }
}
