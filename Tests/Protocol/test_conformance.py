"""jupyter_kernel_test against the echo kernel and the real one, with every attribute set: nothing is skipped."""
import jupyter_kernel_test


class EchoTests(jupyter_kernel_test.KernelTests):
    kernel_name = "echo"
    language_name = "echo"
    file_extension = ".echo"
    code_hello_world = "print hello, world"
    code_stderr = "warn beware"
    completion_samples = [
        {"text": "pri", "matches": {"print"}},
        {"text": "print x\np", "matches": {"page", "password", "picture", "print"}},
    ]
    complete_code_samples = ["print x", "value 1\nvalue 2"]
    incomplete_code_samples = ["print x \\"]
    invalid_code_samples = [")"]
    code_page_something = "page all about echo"
    code_generate_error = "error on purpose"
    code_execute_result = [
        {"code": "value 42", "result": "42"},
        {"code": "print x\nvalue héllo 🙂", "result": "héllo 🙂"},
    ]
    code_display_data = [{"code": "display png", "mime": "image/png"}, {"code": "display png", "mime": "text/plain"}]
    supported_history_operations = ("tail", "range", "search")
    code_history_pattern = "value 4?"
    code_inspect_sample = "print"
    code_clear_output = "clear"


class EchoWelcomeTests(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = "echo"
    support_iopub_welcome = True


class SwiftLabTests(jupyter_kernel_test.KernelTests):
    kernel_name = "swift-lab"
    language_name = "swift"
    file_extension = ".swift"
    code_hello_world = 'print("hello, world")'
    code_stderr = 'import Foundation\nFileHandle.standardError.write(Data("beware".utf8))'
    completion_samples = [
        {"text": "let lonelyName = 1\nlonelyNa", "matches": {"lonelyName"}},
    ]
    complete_code_samples = ["1 + 1", "func f() -> Int {\n    1\n}", "// only a comment"]
    incomplete_code_samples = ["func f() {", "let a = [1,", 'let s = """\nopen']
    invalid_code_samples = ["let = 5)"]
    code_page_something = "?print"
    code_generate_error = "struct Spilled: Error {}\nthrow Spilled()"
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": '"héllo 🙂"', "result": '"héllo 🙂"'},
    ]
    code_display_data = [
        {"code": "import Lab\ndisplay(try Dataset.fashionMNIST())", "mime": "image/png"},
        {"code": "import Lab\ndisplay(7)", "mime": "text/plain"},
    ]
    supported_history_operations = ("tail", "range", "search")
    code_history_pattern = "6 ?*"
    code_inspect_sample = "print"
    code_clear_output = "import Lab\nclearOutput()"


class SwiftLabWelcomeTests(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = "swift-lab"
    support_iopub_welcome = True
