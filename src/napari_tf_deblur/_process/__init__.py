"""Run deconvolutions in a process of their own, so that TensorFlow stays out of this one."""
