internal import Synchronization

/// What reflection found in a module.
struct ModuleContents {
    var parameters: [(name: String, parameter: Parameter)] = []
    var modules: [(name: String, module: any Module)] = []

    private struct Known: @unchecked Sendable {
        weak var module: (any Module)?
        var contents: ModuleContents
    }
    private static let known = Mutex<[ObjectIdentifier: Known]>([:])

    /// The parameters of a module with their names, which they remember. Looked through once for each object.
    static func of(_ module: any Module) -> ModuleContents {
        let identity = ObjectIdentifier(module)
        if let known = known.withLock({ $0[identity] }), known.module === module { return known.contents }
        var contents = ModuleContents()
        contents.add(module, "")
        var seen: Set<ObjectIdentifier> = []
        contents.parameters = contents.parameters.filter { seen.insert(ObjectIdentifier($0.parameter)).inserted }
        // The longest path wins, so that looking at a part does not rename it for the whole.
        func depth(_ name: String?) -> Int { name.map { $0.split(separator: ".").count } ?? 0 }
        for (name, parameter) in contents.parameters where depth(name) >= depth(parameter.name) {
            parameter.name = name
        }
        for case (let name, let layer as Layer) in contents.modules
        where !name.isEmpty && depth(name) >= depth(layer.name) {
            layer.name = name
        }
        // The modules inside are kept by the outer one, so the contents are remembered without a cycle.
        let entry = Known(module: module, contents: contents.withoutOuter(module))
        known.withLock { all in
            all = all.filter { $0.value.module != nil }
            all[identity] = entry
        }
        return contents
    }

    private func withoutOuter(_ module: any Module) -> ModuleContents {
        var copy = self
        copy.modules.removeAll { $0.module === module }
        return copy
    }

    private mutating func add(_ module: any Module, _ path: String) {
        guard !modules.contains(where: { $0.module === module }) else { return }
        modules.append((path, module))
        var mirror: Mirror? = Mirror(reflecting: module)
        var mirrors: [Mirror] = []
        while let current = mirror {
            mirrors.append(current)
            mirror = current.superclassMirror
        }
        for mirror in mirrors.reversed() {
            for child in mirror.children {
                guard let label = child.label else { continue }
                // A property wrapper's storage carries an underscore; the layers of Sequential are called by number.
                let name = label.hasPrefix("_") ? String(label.dropFirst()) : label
                let isPlain = module is Sequential && name == "layers" || module is Checkpointed && name == "module"
                add(any: child.value, path.isEmpty || isPlain ? path + (isPlain ? "" : name) : "\(path).\(name)")
            }
        }
    }

    private mutating func add(any value: Any, _ path: String) {
        switch value {
        case let parameter as Parameter: if parameter.isUsed { parameters.append((path, parameter)) }
        case let module as any Module: add(module, path)
        case let modules as [any Module]:
            for (index, module) in modules.enumerated() { add(module, path.isEmpty ? "\(index)" : "\(path).\(index)") }
        default:
            let mirror = Mirror(reflecting: value)
            if mirror.displayStyle == .optional, let some = mirror.children.first { add(any: some.value, path) }
        }
    }
}

extension ModuleContents {
    /// The parameters below a module, without naming them anew.
    static func parameters(inside module: any Module) -> [Parameter] {
        var contents = ModuleContents()
        contents.add(module, "")
        return contents.parameters.map(\.parameter)
    }
}
