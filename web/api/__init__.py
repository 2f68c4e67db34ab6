"""The routes of the API, one module per noun; `router` of each is mounted by web.app."""
