"""Terraform for a lab on EC2: plans that are kept, reviewed and then applied as they are.

`binary` asks the program, `stacks` knows what the lab file makes of itself, `removed` what an older
one left behind; `plan`, `apply`, `drift` and `teardown` are what the tasks of `fab tf.…` do.
"""
