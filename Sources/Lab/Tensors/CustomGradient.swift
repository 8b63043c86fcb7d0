/// A result with a way back of one's own: `backward` gets the gradient of the result and returns one for each input, or
/// `nil` where there is none.
///
///     // Rounds, and lets gradients through as if it had not (Bengio et al., 2013).
///     let y = withCustomGradient(of: x) { $0.rounded() } backward: { $0 }
///
/// What `backward` looks at it captures. Written with tensors, it can be differentiated again.
public func withCustomGradient(
    of inputs: [Tensor], _ function: ([Tensor]) -> Tensor, backward: @escaping (Tensor) -> [Tensor?]
) -> Tensor {
    let result = function(inputs.map { $0.withoutGradient() })
    return result.withoutGradient().recorded(from: inputs) { gradient in
        let gradients = backward(gradient)
        guard gradients.count == inputs.count else {
            fail("withCustomGradient: \(gradients.count) gradients for \(inputs.count) inputs")
        }
        for case (let input, let gradient?) in zip(inputs, gradients) where gradient.shape != input.shape {
            fail("withCustomGradient: a gradient of \(gradient.shape) for an input of \(input.shape)")
        }
        return gradients
    }
}

/// The same for a function of one tensor.
public func withCustomGradient(
    of input: Tensor, _ function: (Tensor) -> Tensor, backward: @escaping (Tensor) -> Tensor
) -> Tensor {
    withCustomGradient(of: [input]) {
        function($0[0])
    } backward: {
        [backward($0)]
    }
}
