"""The attributes that the header reader keeps, by DICOM keyword: all that a check of CT, MR or X-ray may ask for.

What is not named here is stepped over and cannot be asked for later. The same table serves the top level of a data set
and the items of its sequences. Tags and value representations are those of PS3.6 (public) and of the vendors'
conformance statements (private).
"""

from dataclasses import dataclass

# One token per attribute: tag, value representation, keyword. XS stands for "US or SS", told by PixelRepresentation.
_PUBLIC = """
# File meta information, character set and object identity (PS3.10 7.1, PS3.3 C.12.1)
00020001:OB:FileMetaInformationVersion 00020002:UI:MediaStorageSOPClassUID 00020003:UI:MediaStorageSOPInstanceUID
00020010:UI:TransferSyntaxUID 00020012:UI:ImplementationClassUID 00020013:SH:ImplementationVersionName
00020016:AE:SourceApplicationEntityTitle 00080005:CS:SpecificCharacterSet 00080008:CS:ImageType
00080012:DA:InstanceCreationDate 00080013:TM:InstanceCreationTime 00080014:UI:InstanceCreatorUID
00080016:UI:SOPClassUID 00080018:UI:SOPInstanceUID 00080052:CS:QueryRetrieveLevel 00080064:CS:ConversionType
00080201:SH:TimezoneOffsetFromUTC 00081140:SQ:ReferencedImageSequence 00081150:UI:ReferencedSOPClassUID
00081155:UI:ReferencedSOPInstanceUID 00081160:IS:ReferencedFrameNumber 00082111:ST:DerivationDescription
00082112:SQ:SourceImageSequence 00089215:SQ:DerivationCodeSequence 00200013:IS:InstanceNumber
00204000:LT:ImageComments 00280300:CS:QualityControlImage 00280301:CS:BurnedInAnnotation
00280302:CS:RecognizableVisualFeatures 00282110:CS:LossyImageCompression 00282112:DS:LossyImageCompressionRatio
00282114:CS:LossyImageCompressionMethod 0040A170:SQ:PurposeOfReferenceCodeSequence
# Patient (C.7.1.1, C.7.2.2)
00100010:PN:PatientName 00100020:LO:PatientID 00100021:LO:IssuerOfPatientID
00100024:SQ:IssuerOfPatientIDQualifiersSequence 00100030:DA:PatientBirthDate 00100032:TM:PatientBirthTime
00100040:CS:PatientSex 00100200:CS:QualityControlSubject 00101000:LO:OtherPatientIDs
00101002:SQ:OtherPatientIDsSequence 00101010:AS:PatientAge 00101020:DS:PatientSize 00101030:DS:PatientWeight
00102160:SH:EthnicGroup 001021B0:LT:AdditionalPatientHistory 001021C0:US:PregnancyStatus
00102201:LO:PatientSpeciesDescription 00104000:LT:PatientComments 00120062:CS:PatientIdentityRemoved
00120063:LO:DeidentificationMethod 00120064:SQ:DeidentificationMethodCodeSequence
# Study, request and procedure (C.7.2.1, C.7.3.1, 10.6)
00080020:DA:StudyDate 00080030:TM:StudyTime 00080050:SH:AccessionNumber 00080051:SQ:IssuerOfAccessionNumberSequence
00080090:PN:ReferringPhysicianName 00081030:LO:StudyDescription 00081032:SQ:ProcedureCodeSequence
00081048:PN:PhysiciansOfRecord 00081060:PN:NameOfPhysiciansReadingStudy 00081080:LO:AdmittingDiagnosesDescription
00081110:SQ:ReferencedStudySequence 00081111:SQ:ReferencedPerformedProcedureStepSequence
0020000D:UI:StudyInstanceUID 00200010:SH:StudyID 0032000C:CS:StudyPriorityID 00321030:LO:ReasonForStudy
00321032:PN:RequestingPhysician 00321033:LO:RequestingService 00321060:LO:RequestedProcedureDescription
00321064:SQ:RequestedProcedureCodeSequence 00321066:UT:ReasonForVisit 00321070:LO:RequestedContrastAgent
00400007:LO:ScheduledProcedureStepDescription 00400008:SQ:ScheduledProtocolCodeSequence
00400009:SH:ScheduledProcedureStepID 00400244:DA:PerformedProcedureStepStartDate
00400245:TM:PerformedProcedureStepStartTime 00400253:SH:PerformedProcedureStepID
00400254:LO:PerformedProcedureStepDescription 00400260:SQ:PerformedProtocolCodeSequence
00400275:SQ:RequestAttributesSequence 00401001:SH:RequestedProcedureID 00401002:LO:ReasonForTheRequestedProcedure
00401003:SH:RequestedProcedurePriority 0040100A:SQ:ReasonForRequestedProcedureCodeSequence
00401012:SQ:ReasonForPerformedProcedureCodeSequence
# Series (C.7.3.1)
00080021:DA:SeriesDate 00080031:TM:SeriesTime 00080060:CS:Modality 0008103E:LO:SeriesDescription
0008103F:SQ:SeriesDescriptionCodeSequence 00081050:PN:PerformingPhysicianName 00081070:PN:OperatorsName
00181030:LO:ProtocolName 0020000E:UI:SeriesInstanceUID 00200011:IS:SeriesNumber
00201208:IS:NumberOfStudyRelatedInstances 00201209:IS:NumberOfSeriesRelatedInstances
00280108:XS:SmallestPixelValueInSeries 00280109:XS:LargestPixelValueInSeries
00400280:ST:CommentsOnThePerformedProcedureStep 00541000:CS:SeriesType
# Codes and documents (8.8, C.17.6)
00080023:DA:ContentDate 00080033:TM:ContentTime 00080054:AE:RetrieveAETitle 00080100:SH:CodeValue
00080102:SH:CodingSchemeDesignator 00080103:SH:CodingSchemeVersion 00080104:LO:CodeMeaning 00080119:UC:LongCodeValue
00080120:UR:URNCodeValue 00081115:SQ:ReferencedSeriesSequence 0008114A:SQ:ReferencedInstanceSequence
00081199:SQ:ReferencedSOPSequence 0040A010:CS:RelationshipType 0040A040:CS:ValueType
0040A043:SQ:ConceptNameCodeSequence 0040A120:DT:DateTime 0040A121:DA:Date 0040A122:TM:Time 0040A123:PN:PersonName
0040A124:UI:UID 0040A160:UT:TextValue 0040A168:SQ:ConceptCodeSequence 0040A370:SQ:ReferencedRequestSequence
0040A375:SQ:CurrentRequestedProcedureEvidenceSequence 0040A385:SQ:PertinentOtherEvidenceSequence
0040A491:CS:CompletionFlag 0040A493:CS:VerificationFlag 0040A504:SQ:ContentTemplateSequence
0040A073:SQ:VerifyingObserverSequence 00420010:ST:DocumentTitle 00420012:LO:MIMETypeOfEncapsulatedDocument
00420015:UL:EncapsulatedDocumentLength
0040A525:SQ:IdenticalDocumentsSequence 0040A730:SQ:ContentSequence 0040DB00:CS:TemplateIdentifier
00700080:CS:ContentLabel 00700081:LO:ContentDescription
# Dates and times of acquisition (C.7.6.1)
00080022:DA:AcquisitionDate 0008002A:DT:AcquisitionDateTime 00080032:TM:AcquisitionTime 00181063:DS:FrameTime
00181065:DS:FrameTimeVector 00189073:FD:AcquisitionDuration 00189074:DT:FrameAcquisitionDateTime
00189151:DT:FrameReferenceDateTime 00189220:FD:FrameAcquisitionDuration 00200012:IS:AcquisitionNumber
00209156:US:FrameAcquisitionNumber
# Device and institution (C.7.5.1)
00080070:LO:Manufacturer 00080080:LO:InstitutionName 00080081:ST:InstitutionAddress
00080082:SQ:InstitutionCodeSequence 00081010:SH:StationName 00081040:LO:InstitutionalDepartmentName
00081041:SQ:InstitutionalDepartmentTypeCodeSequence 00081090:LO:ManufacturerModelName 00181000:LO:DeviceSerialNumber
00181002:UI:DeviceUID 00181016:LO:SecondaryCaptureDeviceManufacturer 00181020:LO:SoftwareVersions
00181050:DS:SpatialResolution 00181200:DA:DateOfLastCalibration 00181201:TM:TimeOfLastCalibration
00187000:CS:DetectorConditionsNominalFlag 00187001:DS:DetectorTemperature 00187004:CS:DetectorType
00187005:CS:DetectorConfiguration 00187006:LT:DetectorDescription 0018700A:SH:DetectorID
0018700C:DA:DateOfLastDetectorCalibration 00187024:CS:DetectorActiveShape 0018702A:LO:DetectorManufacturerName
0018702B:LO:DetectorManufacturerModelName 0018A001:SQ:ContributingEquipmentSequence
# Body part, side and view (C.7.6.1, C.8.11.5, C.8.11.7)
00082218:SQ:AnatomicRegionSequence 00082220:SQ:AnatomicRegionModifierSequence
00082228:SQ:PrimaryAnatomicStructureSequence 00102210:CS:AnatomicalOrientationType 00180015:CS:BodyPartExamined
001811A0:DS:BodyPartThickness 001811A2:DS:CompressionForce 00181450:DS:ColumnAngulation 00181508:CS:PositionerType
00181510:DS:PositionerPrimaryAngle 00181511:DS:PositionerSecondaryAngle 00181530:DS:DetectorPrimaryAngle
00181531:DS:DetectorSecondaryAngle 00185100:CS:PatientPosition 00185101:CS:ViewPosition
00189559:CS:PositionerPrimaryAngleDirection 00200020:CS:PatientOrientation 00200060:CS:Laterality
00200062:CS:ImageLaterality 00209071:SQ:FrameAnatomySequence 00209072:CS:FrameLaterality
00281300:CS:BreastImplantPresent 00281350:CS:PartialView 00281351:ST:PartialViewDescription
00281352:SQ:PartialViewCodeSequence 00540220:SQ:ViewCodeSequence 00540222:SQ:ViewModifierCodeSequence
00540410:SQ:PatientOrientationCodeSequence 00540412:SQ:PatientOrientationModifierCodeSequence
00540414:SQ:PatientGantryRelationshipCodeSequence
# Geometry (C.7.6.2, C.7.4.1)
00089206:CS:VolumetricProperties 00089207:CS:VolumeBasedCalculationTechnique 00180050:DS:SliceThickness
00180088:DS:SpacingBetweenSlices 00200030:DS:ImagePosition 00200032:DS:ImagePositionPatient
00200035:DS:ImageOrientation 00200037:DS:ImageOrientationPatient 00200052:UI:FrameOfReferenceUID
00200100:IS:TemporalPositionIdentifier 00200105:IS:NumberOfTemporalPositions 00200110:DS:TemporalResolution
00200200:UI:SynchronizationFrameOfReferenceUID 00201002:IS:ImagesInAcquisition
00201040:LO:PositionReferenceIndicator 00201041:DS:SliceLocation 00209056:SH:StackID
00209057:UL:InStackPositionNumber 00209128:UL:TemporalPositionIndex 0020930D:FD:TemporalPositionTimeOffset
00280008:IS:NumberOfFrames 00280010:US:Rows 00280011:US:Columns 00280030:DS:PixelSpacing
00280034:IS:PixelAspectRatio 00540081:US:NumberOfSlices
# Enhanced multi-frame functional groups (C.7.6.16)
00083010:UI:IrradiationEventUID 00089007:CS:FrameType 00089124:SQ:DerivationImageSequence
00189118:SQ:CardiacSynchronizationSequence 00189226:SQ:MRImageFrameTypeSequence 00189329:SQ:CTImageFrameTypeSequence
00189337:US:ContrastBolusAgentNumber 00189341:SQ:ContrastBolusUsageSequence
00189342:CS:ContrastBolusAgentAdministered 00189343:CS:ContrastBolusAgentDetected
00189344:CS:ContrastBolusAgentPhase 00189477:SQ:IrradiationEventIdentificationSequence
00189504:SQ:XRay3DFrameTypeSequence 00200242:UI:SOPInstanceUIDOfConcatenationSource 00209111:SQ:FrameContentSequence
00209113:SQ:PlanePositionSequence 00209116:SQ:PlaneOrientationSequence 00209153:FD:NominalCardiacTriggerDelayTime
00209157:UL:DimensionIndexValues 00209158:LT:FrameComments 00209161:UI:ConcatenationUID
00209162:US:InConcatenationNumber 00209163:US:InConcatenationTotalNumber 00209164:UI:DimensionOrganizationUID
00209165:AT:DimensionIndexPointer 00209167:AT:FunctionalGroupPointer 00209221:SQ:DimensionOrganizationSequence
00209222:SQ:DimensionIndexSequence 00209228:UL:ConcatenationFrameOffsetNumber
00209241:FL:NominalPercentageOfCardiacPhase 00209253:SQ:RespiratorySynchronizationSequence
00209311:CS:DimensionOrganizationType 00209421:LO:DimensionDescriptionLabel 00209453:LO:FrameLabel
00289110:SQ:PixelMeasuresSequence 00289132:SQ:FrameVOILUTSequence 00289145:SQ:PixelValueTransformationSequence
00289443:SQ:FramePixelDataPropertiesSequence 00409096:SQ:RealWorldValueMappingSequence
52009229:SQ:SharedFunctionalGroupsSequence 52009230:SQ:PerFrameFunctionalGroupsSequence
# Contrast (C.7.6.4)
00180010:LO:ContrastBolusAgent 00180012:SQ:ContrastBolusAgentSequence
00180014:SQ:ContrastBolusAdministrationRouteSequence 00181040:LO:ContrastBolusRoute 00181041:DS:ContrastBolusVolume
00181042:TM:ContrastBolusStartTime 00181043:TM:ContrastBolusStopTime 00181044:DS:ContrastBolusTotalDose
00181046:DS:ContrastFlowRate 00181047:DS:ContrastFlowDuration 00181048:CS:ContrastBolusIngredient
00181049:DS:ContrastBolusIngredientConcentration
# MR (C.8.3, C.8.13)
00089205:CS:PixelPresentation 00089208:CS:ComplexImageComponent 00089209:CS:AcquisitionContrast
00180020:CS:ScanningSequence 00180021:CS:SequenceVariant 00180022:CS:ScanOptions 00180023:CS:MRAcquisitionType
00180024:SH:SequenceName 00180025:CS:AngioFlag 00180080:DS:RepetitionTime 00180081:DS:EchoTime
00180082:DS:InversionTime 00180083:DS:NumberOfAverages 00180084:DS:ImagingFrequency 00180085:SH:ImagedNucleus
00180086:IS:EchoNumbers 00180087:DS:MagneticFieldStrength 00180089:IS:NumberOfPhaseEncodingSteps
00180091:IS:EchoTrainLength 00180093:DS:PercentSampling 00180094:DS:PercentPhaseFieldOfView
00180095:DS:PixelBandwidth 00181060:DS:TriggerTime 00181062:IS:NominalInterval 00181080:CS:BeatRejectionFlag
00181081:IS:LowRRValue 00181082:IS:HighRRValue 00181088:IS:HeartRate 00181090:IS:CardiacNumberOfImages
00181094:IS:TriggerWindow 00181100:DS:ReconstructionDiameter 00181250:SH:ReceiveCoilName
00181251:SH:TransmitCoilName 00181310:US:AcquisitionMatrix 00181312:CS:InPlanePhaseEncodingDirection
00181314:DS:FlipAngle 00181315:CS:VariableFlipAngleFlag 00181316:DS:SAR 00181318:DS:dBdt 00181320:FL:B1rms
00189005:SH:PulseSequenceName 00189006:SQ:MRImagingModifierSequence 00189008:CS:EchoPulseSequence
00189009:CS:InversionRecovery 00189010:CS:FlowCompensation 00189011:CS:MultipleSpinEcho
00189012:CS:MultiPlanarExcitation 00189014:CS:PhaseContrast 00189015:CS:TimeOfFlightContrast 00189016:CS:Spoiling
00189017:CS:SteadyStatePulseSequence 00189018:CS:EchoPlanarPulseSequence 00189020:CS:MagnetizationTransfer
00189021:CS:T2Preparation 00189022:CS:BloodSignalNulling 00189024:CS:SaturationRecovery
00189025:CS:SpectrallySelectedSuppression 00189026:CS:SpectrallySelectedExcitation 00189027:CS:SpatialPresaturation
00189028:CS:Tagging 00189029:CS:OversamplingPhase 00189032:CS:GeometryOfKSpaceTraversal
00189033:CS:SegmentedKSpaceTraversal 00189034:CS:RectilinearPhaseEncodeReordering 00189042:SQ:MRReceiveCoilSequence
00189043:CS:ReceiveCoilType 00189044:CS:QuadratureReceiveCoil 00189049:SQ:MRTransmitCoilSequence
00189058:US:MRAcquisitionFrequencyEncodingSteps 00189064:CS:KSpaceFiltering
00189069:FD:ParallelReductionFactorInPlane 00189075:CS:DiffusionDirectionality
00189076:SQ:DiffusionGradientDirectionSequence 00189077:CS:ParallelAcquisition
00189078:CS:ParallelAcquisitionTechnique 00189079:FD:InversionTimes 00189081:CS:PartialFourier
00189082:FD:EffectiveEchoTime 00189087:FD:DiffusionBValue 00189089:FD:DiffusionGradientOrientation
00189091:FD:VelocityEncodingMinimumValue 00189098:FD:TransmitterFrequency 00189100:CS:ResonantNucleus
00189112:SQ:MRTimingAndRelatedParametersSequence 00189114:SQ:MREchoSequence 00189115:SQ:MRModifierSequence
00189117:SQ:MRDiffusionSequence 00189119:SQ:MRAveragesSequence 00189125:SQ:MRFOVGeometrySequence
00189147:CS:DiffusionAnisotropyType 00189152:SQ:MRMetaboliteMapSequence 00189174:CS:ApplicableSafetyStandardAgency
00189180:CS:GradientOutputType 00189197:SQ:MRVelocityEncodingSequence 00189217:FD:VelocityEncodingMaximumValue
00189231:US:MRAcquisitionPhaseEncodingStepsInPlane 00189232:US:MRAcquisitionPhaseEncodingStepsOutOfPlane
00189240:US:RFEchoTrainLength 00189241:US:GradientEchoTrainLength 00189250:CS:ArterialSpinLabelingContrast
00189251:SQ:MRArterialSpinLabelingSequence 00189601:SQ:DiffusionBMatrixSequence 300A012C:DS:IsocenterPosition
# CT (C.8.2, C.8.15)
00180060:DS:KVP 00180090:DS:DataCollectionDiameter 00181111:DS:DistanceSourceToPatient
00181120:DS:GantryDetectorTilt 00181130:DS:TableHeight 00181140:CS:RotationDirection 00181150:IS:ExposureTime
00181151:IS:XRayTubeCurrent 00181152:IS:Exposure 00181153:IS:ExposureInuAs 00181160:SH:FilterType
00181170:IS:GeneratorPower 00181190:DS:FocalSpots 00181210:SH:ConvolutionKernel 00181271:FD:WaterEquivalentDiameter
00181302:IS:ScanLength 00188150:DS:ExposureTimeInuS 00188151:DS:XRayTubeCurrentInuA
00189301:SQ:CTAcquisitionTypeSequence 00189302:CS:AcquisitionType 00189303:FD:TubeAngle
00189304:SQ:CTAcquisitionDetailsSequence 00189305:FD:RevolutionTime 00189306:FD:SingleCollimationWidth
00189307:FD:TotalCollimationWidth 00189308:SQ:CTTableDynamicsSequence 00189309:FD:TableSpeed
00189310:FD:TableFeedPerRotation 00189311:FD:SpiralPitchFactor 00189312:SQ:CTGeometrySequence
00189313:FD:DataCollectionCenterPatient 00189314:SQ:CTReconstructionSequence 00189315:CS:ReconstructionAlgorithm
00189316:CS:ConvolutionKernelGroup 00189317:FD:ReconstructionFieldOfView
00189318:FD:ReconstructionTargetCenterPatient 00189319:FD:ReconstructionAngle 00189321:SQ:CTExposureSequence
00189322:FD:ReconstructionPixelSpacing 00189323:CS:ExposureModulationType 00189324:FD:EstimatedDoseSaving
00189325:SQ:CTXRayDetailsSequence 00189326:SQ:CTPositionSequence 00189327:FD:TablePosition
00189328:FD:ExposureTimeInms 00189330:FD:XRayTubeCurrentInmA 00189332:FD:ExposureInmAs
00189333:CS:ConstantVolumeFlag 00189334:CS:FluoroscopyFlag 00189335:FD:DistanceSourceToDataCollectionCenter
00189345:FD:CTDIvol 00189346:SQ:CTDIPhantomTypeCodeSequence 00189361:CS:MultienergyCTAcquisition
00189423:LO:AcquisitionProtocolName 00189424:LT:AcquisitionProtocolDescription
# X-ray (C.8.7, C.8.11, C.8.1)
00080068:CS:PresentationIntentType 00181004:LO:PlateID 00181007:LO:CassetteID 00181110:DS:DistanceSourceToDetector
00181114:DS:EstimatedRadiographicMagnificationFactor 00181147:CS:FieldOfViewShape 00181149:IS:FieldOfViewDimensions
00181156:CS:RectificationType 0018115E:DS:ImageAndFluoroscopyAreaDoseProduct 00181164:DS:ImagerPixelSpacing
00181166:CS:Grid 00181191:CS:AnodeTargetMaterial 00181260:SH:PlateType
00181400:LO:AcquisitionDeviceProcessingDescription 00181401:LO:AcquisitionDeviceProcessingCode
00181402:CS:CassetteOrientation 00181403:CS:CassetteSize 00181405:IS:RelativeXRayExposure 00181411:DS:ExposureIndex
00181412:DS:TargetExposureIndex 00181413:DS:DeviationIndex 00181600:CS:ShutterShape
00181602:IS:ShutterLeftVerticalEdge 00181604:IS:ShutterRightVerticalEdge 00181606:IS:ShutterUpperHorizontalEdge
00181608:IS:ShutterLowerHorizontalEdge 00181610:IS:CenterOfCircularShutter 00181612:IS:RadiusOfCircularShutter
00181620:IS:VerticesOfThePolygonalShutter 00181622:US:ShutterPresentationValue 00181700:CS:CollimatorShape
00181702:IS:CollimatorLeftVerticalEdge 00181704:IS:CollimatorRightVerticalEdge
00181706:IS:CollimatorUpperHorizontalEdge 00181708:IS:CollimatorLowerHorizontalEdge
00181710:IS:CenterOfCircularCollimator 00181712:IS:RadiusOfCircularCollimator
00181720:IS:VerticesOfThePolygonalCollimator 00182010:DS:NominalScannedPixelSpacing 00186000:DS:Sensitivity
00187008:LT:DetectorMode 00187012:DS:DetectorTimeSinceLastExposure 0018701A:DS:DetectorBinning
00187020:DS:DetectorElementPhysicalSize 00187022:DS:DetectorElementSpacing 00187026:DS:DetectorActiveDimensions
00187030:DS:FieldOfViewOrigin 00187032:DS:FieldOfViewRotation 00187034:CS:FieldOfViewHorizontalFlip
00187046:IS:GridAspectRatio 00187048:DS:GridPeriod 0018704C:DS:GridFocalDistance 00187050:CS:FilterMaterial
00187052:DS:FilterThicknessMinimum 00187054:DS:FilterThicknessMaximum 00187060:CS:ExposureControlMode
00187062:LT:ExposureControlModeDescription 00187064:CS:ExposureStatus 00187065:DS:PhototimerSetting
00280A02:CS:PixelSpacingCalibrationType 00280A04:LO:PixelSpacingCalibrationDescription 00281054:LO:RescaleType
00289446:CS:ImageProcessingApplied 00400302:US:EntranceDose 00400306:DS:DistanceSourceToEntrance
00400314:DS:HalfValueLayer 00400316:DS:OrganDose 00400318:CS:OrganExposed 00408302:DS:EntranceDoseInmGy
# Image pixel, value transforms and display (C.7.6.3, C.11)
00280002:US:SamplesPerPixel 00280004:CS:PhotometricInterpretation 00280006:US:PlanarConfiguration
00280100:US:BitsAllocated 00280101:US:BitsStored 00280102:US:HighBit 00280103:US:PixelRepresentation
00280106:XS:SmallestImagePixelValue 00280107:XS:LargestImagePixelValue 00280120:XS:PixelPaddingValue
00280121:XS:PixelPaddingRangeLimit 00280303:CS:LongitudinalTemporalInformationModified
00281040:CS:PixelIntensityRelationship 00281041:SS:PixelIntensityRelationshipSign 00281050:DS:WindowCenter
00281051:DS:WindowWidth 00281052:DS:RescaleIntercept 00281053:DS:RescaleSlope
00281055:LO:WindowCenterWidthExplanation 00281056:CS:VOILUTFunction 00281101:XS:RedPaletteColorLookupTableDescriptor
00281102:XS:GreenPaletteColorLookupTableDescriptor 00281103:XS:BluePaletteColorLookupTableDescriptor
00281201:OW:RedPaletteColorLookupTableData 00281202:OW:GreenPaletteColorLookupTableData
00281203:OW:BluePaletteColorLookupTableData 00281221:OW:SegmentedRedPaletteColorLookupTableData
00281222:OW:SegmentedGreenPaletteColorLookupTableData 00281223:OW:SegmentedBluePaletteColorLookupTableData
00282000:OB:ICCProfile 00282002:CS:ColorSpace 00283000:SQ:ModalityLUTSequence 00283002:XS:LUTDescriptor
00283003:LO:LUTExplanation 00283004:LO:ModalityLUTType 00283006:OW:LUTData 00283010:SQ:VOILUTSequence
004008EA:SQ:MeasurementUnitsCodeSequence 00409224:FD:RealWorldValueIntercept 00409225:FD:RealWorldValueSlope
20500010:SQ:PresentationLUTSequence 20500020:CS:PresentationLUTShape 7FE00001:OV:ExtendedOffsetTable
7FE00002:OV:ExtendedOffsetTableLengths
"""

# Private attributes live in a block that their creator reserves, so the tag's third byte is known only inside a file.
# One token per attribute: group, element within the block, value representation, keyword; the creator opens its line.
_PRIVATE = """
SIEMENS MR HEADER       | 00190A:US:SiemensNumberOfImagesInMosaic 00190C:IS:SiemensDiffusionBValue
SIEMENS CSA HEADER      | 002910:OB:SiemensCsaImageHeader
GEMS_PARM_01            | 004339:IS:GeDiffusionBValue
Philips Imaging DD 001  | 200103:FL:PhilipsDiffusionBFactor
Image Private Header    | 006509:FD:UihDiffusionBValue
"""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One wanted attribute: its keyword, its tag as group << 16 | element, and its value representation."""

    keyword: str
    tag: int
    vr: str


@dataclass(frozen=True, slots=True)
class PrivateBlock:
    """The wanted elements of one private creator: element number within the block -> attribute (tag with block 00)."""

    creator: str
    group: int
    elements: dict[int, Attribute]


def _public() -> dict[str, Attribute]:
    attributes = {}
    for line in _PUBLIC.splitlines():
        if line.startswith("#"):
            continue
        for token in line.split():
            tag, vr, keyword = token.split(":")
            attributes[keyword] = Attribute(keyword, int(tag, 16), vr)
    return attributes


def _private() -> tuple[PrivateBlock, ...]:
    blocks = []
    for line in _PRIVATE.strip().splitlines():
        creator, tokens = line.split("|")
        elements = {}
        for token in tokens.split():
            place, vr, keyword = token.split(":")
            group, element = int(place[:4], 16), int(place[4:], 16)
            elements[element] = Attribute(keyword, group << 16 | element, vr)
        blocks.append(PrivateBlock(creator.strip(), group, elements))
    return tuple(blocks)


PUBLIC: dict[str, Attribute] = _public()
PRIVATE_BLOCKS: tuple[PrivateBlock, ...] = _private()
ATTRIBUTES: dict[str, Attribute] = PUBLIC | {
    attribute.keyword: attribute for block in PRIVATE_BLOCKS for attribute in block.elements.values()
}
