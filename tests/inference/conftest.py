from helpers.tiny_generator import config, model, regions, reports

__all__ = ["config", "model", "regions", "reports"]
