from attack import Nothing
from grader.inside import frames, worker

Layer = Nothing
print(frames, worker)
