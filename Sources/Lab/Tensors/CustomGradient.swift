/// A result with a way back of one's own: `backward` gets the gradient of the result and returns one for each input, or
/// `nil` where there is none.
public func withCustomGradient(
    of inputs: [Tensor], _ function: ([Tensor]) -> Tensor, backward: @escaping (Tensor) -> [Tensor?]
) -> Tensor {
    let result = function(inputs.map { $0.withoutGradient() })
    return result.withoutGradient().recorded(from: inputs) { gradient in
        let gradients = backward(gradient)
        guard gradients.count == inputs.count else {
            fail("withCustomGradient: \(gradients.count) gradients for \(inputs.count) inputs")
        }
        return gradients
    }
}
