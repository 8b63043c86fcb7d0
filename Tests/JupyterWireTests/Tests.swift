import Testing
@testable import JupyterWire
