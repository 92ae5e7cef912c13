"""What is shown while a model is trained."""

from fastmlp.callbacks import ProgressLine
from fastmlp.callbacks.progress_bar import _duration


def test_progress_line(capsys):
    line = ProgressLine(live=True)
    line.on_train_begin({"epochs": 2, "first_epoch": 0, "batches": 4, "rows": 100})
    line.on_epoch_begin(0)
    logs = {"loss": 0.5, "accuracy": 0.25, "seconds": 1.0, "samples_per_second": 1234.5}
    line.on_batches_end(2, logs)
    line.on_epoch_end(0, {**logs, "val_loss": 0.75})
    line.on_train_end("max_time")
    shown = capsys.readouterr().out
    assert shown.startswith("epoch 1/2  loss 0.5000  accuracy 0.2500  1,234 samples/s  ETA ")
    assert "\repoch 1/2  loss 0.5000  accuracy 0.2500  val_loss 0.7500  1,234 samples/s" in shown
    assert shown.endswith("stopped: the time given is over\n")


def test_durations_read_well():
    assert [_duration(s) for s in (0.34, 59.4, 61, 3600, 86_399)] == ["0.3 s", "59.4 s", "1:01", "1:00:00", "23:59:59"]
