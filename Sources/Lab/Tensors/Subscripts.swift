extension Tensor {
    /// The part that is chosen axis by axis; what it may be is described at `AxisSelection`. Axes that are not mentioned
    /// are taken whole.
    ///
    /// Assigning changes this variable alone, and only the part; other variables keep what they had. The new value is
    /// broadcast to the part and converted to this tensor's type.
    ///
    ///     x[0, 1..<3] = Tensor([7, 8])
    ///     x[..., 0] += 1
    public subscript(first: any AxisSelection, more: any AxisSelection...) -> Tensor {
        get { part([first.axisPart] + more.map(\.axisPart)) }
        set { assign(newValue, at: [first.axisPart] + more.map(\.axisPart)) }
    }

    /// The same with `...` at the first place: all axes that are not mentioned.
    public subscript(rest: UnboundedRange, last: any AxisSelection...) -> Tensor {
        get { part([.ellipsis] + last.map(\.axisPart)) }
        set { assign(newValue, at: [.ellipsis] + last.map(\.axisPart)) }
    }

    /// What a tensor chooses along the first axes.
    ///
    /// With a `bool` tensor, a mask, whose shape begins this one's: the parts where it is true, `[count, …]`. With whole
    /// numbers: the parts at those positions, whose shape takes the first axis' place.
    ///
    ///     images[labels .== 3]                              // all threes
    ///     x[x .< 0] = Tensor(0)
    ///     images[order]
    public subscript(choice: Tensor) -> Tensor {
        get {
            guard choice.dtype == .bool else { return gathered(choice) }
            checkMask(choice)
            guard !choice.isShapeOnly else {
                fail("subscript: a mask's result has no shape before its elements are known")
            }
            let places = Places(where: choice, in: shape)
            return isShapeOnly ? Tensor(shapeOnly: places.shape, dtype) : part(places)
        }
        set {
            if choice.dtype == .bool {
                checkMask(choice)
                if isShapeOnly || choice.isShapeOnly { return }
                assign(newValue, at: Places(where: choice, in: shape))
            } else {
                if isShapeOnly || choice.isShapeOnly { return }
                let whole = Shape(choice.shape.sizes + shape.dropFirst())
                guard newValue.shape.broadcast(with: whole) == whole else {
                    fail("subscript: a value of \(newValue.shape) does not fit the parts \(whole) of \(shape)")
                }
                assign(
                    newValue.broadcast(to: whole).reshaped(to: Shape([choice.elementCount] + shape.dropFirst())),
                    at: [choice.positions("subscript").axisPart])
            }
        }
    }

    private func checkMask(_ mask: Tensor) {
        guard mask.rank <= rank, mask.shape.elementsEqual(shape.prefix(mask.rank)) else {
            fail("subscript: a mask of \(mask.shape) does not fit \(shape); it has the same first axes")
        }
    }

    func part(_ parts: [AxisPart]) -> Tensor {
        let places = Places(parts, of: shape)
        return isShapeOnly ? Tensor(shapeOnly: places.shape, dtype) : part(places)
    }

    /// The elements at some places.
    func part(_ places: Places) -> Tensor {
        let old = shape
        switch places {
        case .strided(let shape, let steps, let offset):
            let strides = shape.strides
            if shape.elementCount == elementCount,
                shape.indices.allSatisfy({ shape[$0] == 1 || steps[$0] == strides[$0] })
            {
                return reshaped(to: shape)
            }
            return gathered(shape, steps, offset: offset).recorded(self) { $0.spread(to: old, places) }
        case .listed(let shape, let offsets):
            if isOnGPU {
                return reshaped(-1).withoutGradient()
                    .gatheredOnGPU(offsets, outer: 1, size: elementCount, inner: 1, shape).recorded(self) {
                        $0.spread(to: old, places)
                    }
            }
            let result = Tensor(uninitialized: shape, dtype)
            func take<Scalar>(_ type: Scalar.Type) {
                let (source, target) = (pointer(Scalar.self), result.pointer(Scalar.self))
                parallel(offsets.count, grain: 16384) { for i in $0 { target[i] = source[offsets[i]] } }
            }
            withElementSize(take, take, take, take)
            return result.recorded(self) { $0.spread(to: old, places) }
        }
    }

    /// The reverse of `part`: zeros elsewhere, and the sum of what comes to one place twice.
    private func spread(to shape: Shape, _ places: Places) -> Tensor {
        if isShapeOnly { return Tensor(shapeOnly: shape, dtype) }
        if isOnGPU {
            let result =
                switch places {
                case .strided(let part, let steps, let offset): spreadOnGPU(to: shape, part, steps, offset: offset)
                case .listed(_, let offsets):
                    scatteredOnGPU(offsets, outer: 1, size: shape.elementCount, inner: 1, shape)
                }
            return result.recorded(self) { $0.part(places) }
        }
        let result = Tensor.zeros(shape, dtype: dtype, on: nil)
        func add<Scalar: FloatingPoint>(_ type: Scalar.Type) {
            let (source, target) = (pointer(Scalar.self), result.pointer(Scalar.self))
            switch places {
            case .strided(let part, let steps, let offset):
                walk(part, steps) { position, start, size, step in
                    for i in 0..<size { target[offset + start + i * step] += source[position + i] }
                }
            case .listed(_, let offsets):
                for i in offsets.indices { target[offsets[i]] += source[i] }
            }
        }
        if dtype == .float64 { add(Double.self) } else { add(Float.self) }
        return result.recorded(self) { $0.part(places) }
    }

    mutating func assign(_ value: Tensor, at parts: [AxisPart]) {
        assign(value, at: Places(parts, of: shape, forWriting: true))
    }

    private mutating func assign(_ value: Tensor, at places: Places) {
        guard value.shape.broadcast(with: places.shape) == places.shape else {
            fail("subscript: a value of \(value.shape) does not fit the part \(places.shape) of \(shape)")
        }
        if isShapeOnly || value.isShapeOnly { return }
        let source = value.withoutGradient().converted(to: dtype).broadcast(to: places.shape)
        guard isTracked || value.isTracked else {
            // In place where nothing else refers to the elements.
            node = nil
            if !isKnownUniquelyReferenced(&handle) || !handle.hasElementsOfItsOwn { handle = handle.copy() }
            return write(source, at: places)
        }
        let before = self
        let result = Tensor(handle: handle.copy())
        result.write(source, at: places)
        self = result.recorded(before, value) { gradient in
            (
                before.ifTracked(gradient) {
                    var rest = $0
                    rest.assign(Tensor.zeros([], dtype: $0.dtype, on: nil), at: places)
                    return rest
                },
                value.ifTracked(gradient) { $0.part(places).summed(to: value.shape) }
            )
        }
    }

    private func write(_ source: Tensor, at places: Places) {
        if isOnGPU {
            switch places {
            case .strided(let shape, let steps, let offset): return writeOnGPU(source, shape, steps, offset: offset)
            case .listed(_, let offsets): return writeOnGPU(source, at: offsets)
            }
        }
        let source = source.onProcessor()
        func put<Scalar>(_ type: Scalar.Type) {
            let (from, to) = (source.pointer(Scalar.self), pointer(Scalar.self))
            switch places {
            case .strided(let shape, let steps, let offset):
                walk(shape, steps) { position, start, size, step in
                    for i in 0..<size { to[offset + start + i * step] = from[position + i] }
                }
            case .listed(_, let offsets):
                for i in offsets.indices { to[offsets[i]] = from[i] }
            }
        }
        withElementSize(put, put, put, put)
    }

    /// Calls the one of the same function's four forms that moves elements of this tensor's size.
    private func withElementSize(
        _ one: (UInt8.Type) -> Void, _ two: (UInt16.Type) -> Void, _ four: (UInt32.Type) -> Void,
        _ eight: (UInt64.Type) -> Void
    ) {
        switch dtype.byteCount {
        case 1: one(UInt8.self)
        case 2: two(UInt16.self)
        case 4: four(UInt32.self)
        default: eight(UInt64.self)
        }
    }
}
