"""torch.profiler: jax.profiler under PyTorch's names. What XLA ran is in the trace; see `profile`."""

from torchlike.profiler import profiler as profiler
from torchlike.profiler.profiler import ProfilerAction as ProfilerAction
from torchlike.profiler.profiler import ProfilerActivity as ProfilerActivity
from torchlike.profiler.profiler import kineto_available as kineto_available
from torchlike.profiler.profiler import profile as profile
from torchlike.profiler.profiler import record_function as record_function
from torchlike.profiler.profiler import schedule as schedule
from torchlike.profiler.profiler import supported_activities as supported_activities
from torchlike.profiler.profiler import tensorboard_trace_handler as tensorboard_trace_handler
