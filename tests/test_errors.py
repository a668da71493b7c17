from nandoctor.errors import UNEXAMINABLE, USAGE, NandoctorError


def test_an_error_is_a_sentence_and_an_exit_code():
    error = NandoctorError("d.csv: there is no such file")
    assert (str(error), error.message) == ("d.csv: there is no such file",) * 2
    assert error.exit_code == UNEXAMINABLE == 3
    assert NandoctorError("unknown loss", USAGE).exit_code == USAGE == 2
