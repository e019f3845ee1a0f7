"""What a stack is: plane, region, role, view and the components it fills; parameters first, free text last."""
