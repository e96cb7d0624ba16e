"""The product's main job: live through a history, day and night, and report what happened."""
