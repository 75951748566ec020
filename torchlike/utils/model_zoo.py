"""torch.utils.model_zoo: the older name of torch.hub."""

from torchlike.hub import download_url_to_file as download_url_to_file
from torchlike.hub import load_state_dict_from_url as load_state_dict_from_url

load_url = load_state_dict_from_url
