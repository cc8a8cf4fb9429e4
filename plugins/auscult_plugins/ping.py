"""ping"""
