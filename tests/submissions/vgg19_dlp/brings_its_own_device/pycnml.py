raise RuntimeError("not the device of the lab")
