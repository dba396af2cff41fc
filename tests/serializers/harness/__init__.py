"""What tests/serializers/run is made of."""
