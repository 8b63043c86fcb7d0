public import Tensors

extension Module {
    /// Where the parameters lie, and so where the network computes; before they have values, where they will be made.
    public var device: Device {
        ModuleContents.of(self).parameters.lazy.compactMap { $0.parameter.storage?.live.device }.first ?? .default
    }

    /// Takes all parameters to another device, with their values.
    ///
    ///     run.model.move(to: .cpu)
    ///
    /// Their memory is another one afterwards: an optimizer that has followed them goes on, with its sums where they
    /// were.
    public func move(to device: Device) {
        let parameters = ModuleContents.of(self).parameters.map(\.parameter).filter { $0.storage != nil }
        guard parameters.contains(where: { $0.storage!.live.device != device }) else { return }
        let fresh = device.run { ParameterStorage.allocate(parameters.map { $0.shape! }) }
        for (parameter, storage) in zip(parameters, fresh) {
            storage.write(parameter.storage!.copy)
            parameter.storage = storage
        }
    }
}
