"""What disturbs the picture. 伪影"""
