import Sheaf
