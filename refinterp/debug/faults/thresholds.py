"""How much has to be lost for it to be a fault. The numbers follow from the arithmetic.

- int8 has 8 bits. A side of an addition or a branch of a concatenation that keeps at most 6 of
  them while another keeps at least 3 more has lost what the other has not: 18 dB.
- A scale 2^8 and more away from the median of its channels puts a whole channel into one code, or
  all others; a channel whose largest weight takes at most 3 of its 7 bits has as little left.
- A sum is worth less than one code only if it is multiplied by less than 1.
"""

from __future__ import annotations

from typing import Final

KEPT_BITS: Final = 6.0
BITS_APART: Final = 3.0
SPREAD_BITS: Final = 8.0
WEIGHT_CODES: Final = 8  # a largest weight code up to this leaves 3 bits and the sign
BIAS_STEPS: Final = 128  # steps that a bias moves an output by to double what one side of it takes
