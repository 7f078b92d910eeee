"""The push of a blessed model to the folder that is served."""
