"""Shape core values as the JSON of the contract; the only folder with the wire's field names.

Fields that are unset are left out, never sent empty (contract 0.1). Times are milliseconds. What a publisher
marked as secret is hidden here, on the last step before it is shown (contract 4.12).
"""
