"""Stand-ins for Shopify and Klaviyo: real HTTP servers that remember what they were told.

`python -m sandbox` runs both; `--config` names a JSON file in the shape of `config.Config`:

- `shopify_app` and `klaviyo_app`: `client_id`, `secret`, `redirect_uris` (compared letter by
  letter; `--callback URL` adds one to both), `withheld` (scopes the app is not approved for).
- `shops` with `"installed": false` wait for somebody to install the app; others open with `token`.
- `accounts` with `key_scopes` have private keys that may not do everything.

Each stand-in has a page to click on at `/_sandbox/`. Every button posts to `/_sandbox/<verb>`, and
so can a script, with JSON: `{"shop": …}` or `{"account": …}` chooses, else it is the first one.
The verbs and what they take stand in `VERBS` of `shopify/breaking.py` and `klaviyo/breaking.py`;
the same functions are there to be called from Python.

What goes wrong with single calls is planned ahead with `POST /_sandbox/script`:

- `{"answer_next": [{"status": 503, "match": "/oauth/token", "times": 2}]}`, where `"json"` is the
  body, `"html": true` the proxy's 403, `"page": "400 - Oauth error app_not_installed"` a page
  with that title, `"drop": "before" | "after"` a lost connection, `"pause": 3` a wait.
- `{"revoked": ["pk_demo"]}`: keys and tokens that open nothing any more.
- `{"rotation": false}`: Klaviyo's refresh gives the same refresh token again.
- `{"scopes": {"<shop>": [...]}}`: what a shop has granted, without telling the app.
- `{"bulk": {"seconds": 30, "tells": false, "others": 5, "refuse": ["LIMIT_REACHED"],
  "fail": ["TIMEOUT"], "downloads": ["cut", "drop", "html", "refuse"], "ranges": false}}`: how
  bulk operations go; what the lists hold happens once each, in their order.
- `{"redirect_uris": [...]}`: the allow-list of the stand-in that is told so.

Not known of the platforms, and decided here: how long Shopify's codes live (5 minutes); that an
access token outlives the refresh of its pair; that a repeated refresh voids the pair whose answer
was lost; the bodies of 403, 404, 423 and 430; the body of `app/scopes_update`; that topics without
their scope fall silent; that a badly standing shop shows `shop_not_permitted`; at Klaviyo, that a
used refresh token is dead at once, that a second consent leaves the first alone, and the wording
of the 403 for a missing scope.
"""
