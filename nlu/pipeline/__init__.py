"""The spaCy components, each a file: characters (tokens), features, entities (CRF), classes (intents, urgency, sentiment)."""
